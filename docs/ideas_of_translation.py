"""The ideas about translation: pairs, two domains, films."""

from __future__ import annotations

from docs.idea import Idea

from docs import figures_of_translation as figures

TRANSLATION: tuple[Idea, ...] = (
    Idea(
        "pairs",
        "Two pictures at a time: pairs",
        """
A pair is a picture and what is to become of it: an outline and its drawing, a map and the photo of the same place. Here
it is the top of a digit and the whole of it. A net that is held to the truth by the mean error alone answers an
open question with the middle of all answers, which is a blur. So *pix2pix* has a critic, too, and the critic looks at
input and output **together**: (input, output) against (input, truth). It is not enough that the output looks like a
digit; it has to look like the right answer to this input.
""",
        (
            (
                "python",
                """
from latentia import data

whole = (255 * data.open("digits").train.read(slice(None)).x[:, 0]).byte().numpy()
top = whole.copy()
top[:, 3:] = 0
np.savez("tops.npz", a=top, b=whole)
""",
            ),
            (
                "bash",
                """
latentia train pix2pix tops.npz --l1 10 --batch 32 --images 60k --every 20k --run runs/pairs
latentia train pix2pix tops.npz --l1 10 --game-weight 0 --batch 32 --images 60k --every 20k --run runs/error-alone
latentia evaluate runs/pairs -o pairs.json
latentia evaluate runs/error-alone -o error-alone.json
""",
            ),
        ),
        figures.pairs,
        "Left: tops that neither net has seen, what the error alone makes of them, what pix2pix makes, and the truth. "
        "Right: how far that is from the truth, picture by picture, and how far it is from digits, as a crowd.",
    ),
    Idea(
        "domains",
        "Two heaps and no pairs",
        """
Often there are no pairs: a heap of pictures of one kind, and a heap of another. A *CycleGAN* has a generator each way
and a critic of each heap. That alone would allow any picture of the other heap, whatever came in. So what was
translated is translated back and has to be itself again: a picture whose content was lost on the way cannot be. Here
are white digits on black, and **other** digits in gold on blue; no digit is in both heaps.
""",
        (
            (
                "python",
                """
import torch


def gold(x):  # white on black to gold on blue, digits (N, 1, 8, 8) in [0, 1]
    ground, ink = (torch.tensor(colour).view(1, 3, 1, 1) for colour in ((0.08, 0.13, 0.36), (1.00, 0.78, 0.28)))
    return ground + (ink - ground) * x**0.7


x = torch.from_numpy(whole / 255).float()[:, None]
for name, heap in (("white", x[0::2]), ("gold", gold(x[1::2]))):
    np.save(f"{name}.npy", (255 * heap).byte().permute(0, 2, 3, 1).numpy())
""",
            ),
            (
                "bash",
                """
latentia train cyclegan white.npy gold.npy --scale small --blocks 2 --images 10k --every 5k --run runs/domains
""",
            ),
        ),
        figures.domains,
        "White digits that the model has not seen, what it makes of them in gold, what they are by the rule that made "
        "the golden heap and that the model was never shown, and what comes back.",
    ),
    Idea(
        "films",
        "A film in, a film out",
        """
A model of pictures of one size translates pictures of any size, and films. What makes it a film stays what it was:
number of frames, times, size, sound. What could flicker is held still: all frames share one noise, and the norms inside
the net, which would take mean and deviation of every frame anew and so change the colour of all that stands still when
something comes into the picture, go by statistics that are averaged along time and begin anew where a scene is cut
(`--steady`). A net can also be taught to be steady: with `--equivariance` what it makes of a picture that was moved by
chance has to be what it makes of the picture, moved likewise.
""",
        (
            (
                "python",
                """
from latentia.tasks.pictures import animate

still, others = torch.zeros(1, 24, 48), torch.zeros(1, 24, 140)
still[:, 8:16, 4:12] = x[6]  # one digit stands, others pass by
for place, digit in enumerate((22, 8, 34, 16)):
    others[:, 16 * (place % 2) :, 48 + 12 * place :][:, :8, :8] = x[digit]
frames = torch.stack([still.maximum(others[:, :, step : step + 48]) for step in range(92)])
animate(frames, "passing.gif", fps=20, cell=24)
""",
            ),
            ("bash", "latentia translate runs/domains passing.gif gold.gif --to gold --sheet passing.png"),
        ),
        figures.films,
        "The contact sheet of the film: eight moments, above what went in, below what came out, by the model of 8 x 8 "
        "pixels from before, which never saw a film.",
    ),
)
