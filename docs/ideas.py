"""The page of ideas: ``python docs/ideas.py`` runs every command of it, draws every figure, and writes ``ideas.md``.

An idea says everything once: its sentences, the code that is shown and run, and the function that draws its figure.
Ideas are run in order in one folder, so a later one uses the runs of those before it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))  # for docs.* and benchmarks.* when it is run as a file

from docs.idea import Idea  # noqa: E402
from docs.ideas_of_games import GAMES  # noqa: E402
from docs.ideas_of_latents import LATENTS  # noqa: E402
from docs.ideas_of_translation import TRANSLATION  # noqa: E402
from docs.snippets import Session, Snippet  # noqa: E402

from docs import figures  # noqa: E402

HEAD = """# The page of ideas

<!-- written by docs/ideas.py: change it there, then `make ideas` -->

What this library does, one idea at a time: a few sentences, the commands, and the figure that they make. All of it is
about 1,797 handwritten digits of 8 x 8 pixels that come with the package, so every command runs here and now, in
seconds or a minute or two. `make ideas` runs them all again and draws every figure anew; figures show digits enlarged
smoothly.
"""

IDEAS: tuple[Idea, ...] = (
    Idea(
        "purpose",
        "What generative modelling is for",
        """
A classifier learns what sets digits apart. A generative model learns what makes something a digit at all, well enough
to make new ones. What it knows can then be used in many ways: draw new items, fill in what is missing, compress, tell
how unusual an item is, walk from one item to another. It needs no labels.
""",
        (
            (
                "bash",
                """
latentia train vae digits --latent 8 --images 150k --run runs/vae
latentia sample runs/vae -n 49 -o new.png
""",
            ),
            (
                "python",
                """
import latentia as lt

model = lt.load("runs/vae")
lt.grid(model.data().test.read(slice(0, 49)).x, columns=7).save("real.png")
""",
            ),
        ),
        figures.purpose,
        "Left: digits the model has never seen. Right: digits it made up, seeds 0 to 48.",
    ),
    Idea(
        "latents",
        "Latent variables",
        """
A digit has 64 pixels, but nobody draws 64 independent decisions. A few hidden choices, the *latent variables*, explain
most of it: which digit, how slanted, how wide. The encoder writes an item as such numbers, its *code*, and the decoder
makes an item of any code. A codes file is a table that you can edit: change one number, decode, and see what it does.
""",
        (
            ("bash", "latentia encode runs/vae digits:test -o codes.csv"),
            (
                "python",
                """
import csv

with open("codes.csv") as file:
    code = list(csv.DictReader(file))[23]
with open("edited.csv", "w", newline="") as file:
    table = csv.DictWriter(file, list(code))
    table.writeheader()
    for name in [f"z{i}" for i in range(1, 9)]:
        for step in range(8):
            table.writerow({**code, name: -2.5 + 5 * step / 7})  # one number edited, seven kept
""",
            ),
            ("bash", "latentia decode runs/vae edited.csv -o edited.png"),
        ),
        figures.latents,
        "Each row starts from the code of the same digit and moves one of its eight numbers. (`latentia traverse` is "
        "this in one command.)",
    ),
    Idea(
        "kinds",
        "The two main kinds of model",
        """
**Likelihood-based** models give every item a probability and raise that of the training items. So they can also be
asked: how probable is this one? A VAE gives a bound on log p(x) and, with many draws, a close estimate. **Adversarial**
models (GANs) have a generator that only makes items and a critic that tells them from real ones; they are asked for
items, not for probabilities, and their pictures are sharper. The plain autoencoder is neither: it has no probabilities
and samples only by a density fitted on its codes afterwards. All answer to the same verbs, as far as they can.
""",
        (
            (
                "python",
                """
import numpy as np
import torch

digits = model.data().test.read(slice(None)).x
noise = digits.flatten(1)[:, torch.randperm(64, generator=torch.Generator().manual_seed(0))].reshape(digits.shape)
likely = {"digits": digits, "digits_on_their_heads": digits.flip(2), "the_same_pixels_shuffled": noise}
np.savez("likely.npz", **{name: model.log_prob(x, draws=200).value for name, x in likely.items()})
""",
            ),
            ("bash", "latentia models"),
        ),
        figures.kinds,
        "A likelihood-based model knows what it does not know: the same pixels in another order are hundreds of nats "
        "less probable.",
    ),
    Idea(
        "autoencoder",
        "How an autoencoder works",
        """
An encoder squeezes the item into a few numbers, a decoder makes it again from them alone. The narrow middle is the
whole trick: what does not fit through it must be worked out by what the two have learnt about digits in general.
""",
        (
            (
                "bash",
                """
latentia train autoencoder digits --latent 4 --images 150k --run runs/ae-4
latentia info runs/ae-4
latentia reconstruct runs/ae-4 digits:test -n 16 -o pairs.png
""",
            ),
        ),
        figures.hourglass,
        "Four held-out digits, the four numbers that the encoder writes, and what the decoder reads in them.",
    ),
    Idea(
        "squared-error",
        "Its loss",
        """
The squared difference between an item and its reconstruction, summed over the pixels: that is all an autoencoder is
asked to lower. The wider the middle, the less is lost, down to nothing where the code is as large as the item and the
model has learnt only to copy.
""",
        (
            (
                "bash",
                """
latentia train autoencoder digits --latent 1 --images 150k --run runs/ae-1
latentia train autoencoder digits --latent 2 --images 150k --run runs/ae-2
latentia train autoencoder digits --latent 8 --images 150k --run runs/ae-8
latentia evaluate runs/ae-1 -o ae-1.json
latentia evaluate runs/ae-2 -o ae-2.json
latentia evaluate runs/ae-4 -o ae-4.json
latentia evaluate runs/ae-8 -o ae-8.json
latentia compare runs/ae-1 runs/ae-2 runs/ae-4 runs/ae-8
""",
            ),
        ),
        figures.squared_error,
        "Ten held-out digits through codes of 1, 2, 4 and 8 numbers, with the mean squared error of a held-out item.",
    ),
    Idea(
        "posterior",
        "The variational autoencoder",
        """
A VAE's encoder does not answer with one code but with a distribution of codes, the *posterior*: these codes may have
made the item, these more likely than those. Training draws a code from it, so neighbours of a code must decode to
nearly the same item. Where the model is sure, draws agree; where it is not, they differ, and show in what.
""",
        (("bash", "latentia reconstruct runs/vae digits:test -n 16 --draws 7 -o draws.png"),),
        figures.draws,
        "Held-out digits, each with seven codes drawn from its posterior and decoded. Right: where the seven "
        "differ, as bright as they do.",
    ),
    Idea(
        "beta",
        "Its loss",
        """
Two terms, both in nats, with opposite wishes. The first is what the decoder misses of the item given the code. The
second is what the code costs: how far the posterior is from the *prior*, the guess without having seen the item. Their
sum bounds how improbable the item is. `--beta` changes the price of the code: 0 is free, and the codes go where no
sample will ever land; 1 is the bound; at 4 the model saves on the code and gives away detail.
(`--weights last`, because the best weights are chosen at beta 1, whatever the training's beta is.)
""",
        (
            (
                "bash",
                """
latentia train vae digits --latent 8 --beta 0 --prior normal --images 150k --run runs/beta-0
latentia train vae digits --latent 8 --beta 1 --prior normal --images 150k --run runs/beta-1
latentia train vae digits --latent 8 --beta 4 --prior normal --images 150k --run runs/beta-4
latentia evaluate runs/beta-0 --draws 100 --weights last -o beta-0.json
latentia evaluate runs/beta-1 --draws 100 --weights last -o beta-1.json
latentia evaluate runs/beta-4 --draws 100 --weights last -o beta-4.json
latentia reconstruct runs/beta-0 digits:test -n 8 --weights last -o beta-0-pairs.png
latentia reconstruct runs/beta-1 digits:test -n 8 --weights last -o beta-1-pairs.png
latentia reconstruct runs/beta-4 digits:test -n 8 --weights last -o beta-4-pairs.png
latentia sample runs/beta-0 -n 64 --weights last -o beta-0-new.png
latentia sample runs/beta-1 -n 64 --weights last -o beta-1-new.png
latentia sample runs/beta-4 -n 64 --weights last -o beta-4-new.png
""",
            ),
        ),
        figures.beta,
        "The same net, data and budget under three prices.",
    ),
    Idea(
        "space",
        "Why the regularised space matters",
        """
An autoencoder puts codes wherever they serve the reconstruction: streaks and islands, with nothing known between them.
The price that a VAE pays for codes pulls them together until they fill the region that the prior covers. So a code
drawn from the prior lands on something, and so do all points on the way from one code to another. (With a Gaussian
likelihood what the decoder misses is a squared error again, so the two below differ in the price and in little else.)
""",
        (
            (
                "bash",
                """
latentia train vae digits --latent 2 --likelihood gaussian --prior normal --images 150k --run runs/vae-2
latentia train vae digits --latent 8 --likelihood gaussian --prior normal --images 150k --run runs/vae-8
""",
            ),
            (
                "python",
                """
for name in ("ae-8", "vae-8"):
    model = lt.load(f"runs/{name}")
    codes = model.encode(model.data().train.read(slice(None)).x)
    drawn = codes.mean(0) + codes.std(0) * np.random.default_rng(0).normal(size=(64, 8))
    lt.grid(model.decode(drawn), columns=8).save(f"{name}.png")
""",
            ),
        ),
        figures.space,
        "Above: codes of two numbers, coloured by digit (the models saw no labels); the dashed circle holds 95 % of "
        "the prior. Below: codes of eight numbers, drawn from a normal with the mean and spread of the codes, decoded; "
        "and how far such a picture is, in squared error, from the training digit that is nearest to it.",
    ),
    Idea(
        "gradient",
        "The trick that lets gradients pass",
        """
The loss contains a random draw, z from q(z|x), and the encoder must learn through it. One way weighs the loss of each
draw by how the probability of the draw changes (the *score function*). The other writes the draw as mean + scale times
noise, so that z itself can be differentiated (the *reparameterisation*). Both are right on average. But
the score function knows only how large the loss was, not which way it falls, and pays for that in noise; taking off a
baseline helps, and not enough.
""",
        (
            (
                "python",
                """
from benchmarks.gradient_variance import gradients  # in the repository: python -m benchmarks gradient-variance

found = gradients(draws=1000, images=50_000)  # estimates of one gradient, (1000, weights of the encoder) each
right = found["reparameterised"].mean(0)
np.savez("gradient.npz", **{name: (each @ right / (right @ right)).numpy() for name, each in found.items()})
np.savez("variance.npz", **{name: each.var(0).sum().numpy() for name, each in found.items()})
""",
            ),
        ),
        figures.gradient,
        "The gradient of one batch's ELBO with respect to the encoder's weights, from one draw of z per item. Left: "
        "how much of the true gradient each of 1,000 estimates shows (1 is right). Right: their variance, summed over "
        "the weights.",
    ),
    *LATENTS,
    *GAMES,
    *TRANSLATION,
)


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(idea.page(number) for number, idea in enumerate(IDEAS, 1))])


def build(folder: Path, pictures: Path, quickly: bool = False) -> None:
    """Run every idea in ``folder`` and draw its figure into ``pictures``."""
    session = Session(folder, quickly)
    for idea in IDEAS:
        start = time.monotonic()
        for language, code in idea.code:
            session.run(Snippet(language, code, 1))
        idea.draw(folder, pictures / f"{idea.name}.png")
        print(f"{idea.name}: {time.monotonic() - start:.0f} s", flush=True)


def main() -> None:
    """Rebuild the page; a folder may be named to keep what the commands make."""
    (DOCS / "pictures" / "ideas").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        build(folder, DOCS / "pictures" / "ideas")
    (DOCS / "ideas.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
