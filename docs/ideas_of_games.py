"""The ideas about adversarial models, after those about likelihood."""

from __future__ import annotations

from docs.idea import Idea

from docs import figures_of_games as figures

GAMES: tuple[Idea, ...] = (
    Idea(
        "adversarial",
        "How a GAN works",
        """
Nobody tells a generative adversarial network what a good digit is. A *generator* turns noise into pictures. A *critic*
looks at pictures, real ones and made ones, and answers with a number: high for what it takes to be real. The critic is
moved to answer higher to real than to made, the generator to make what the critic answers higher to. Each is the
other's teacher, and what the critic has learnt to see, the generator learns to get right. At the end the critic is put
aside. (The same run goes on with a larger budget; `--weights last`, because here we want to see it at each moment.)
""",
        (
            (
                "bash",
                """
latentia train gan digits --latent 8 --images 2k --run runs/gan
latentia sample runs/gan -n 12 --weights last -o gan-1.png
latentia train gan digits --latent 8 --images 20k --run runs/gan
latentia sample runs/gan -n 12 --weights last -o gan-2.png
latentia train gan digits --latent 8 --images 200k --run runs/gan
latentia sample runs/gan -n 12 --weights last -o gan-3.png
""",
            ),
        ),
        figures.adversarial,
        "Left: seeds 0 to 11 after 2,000, 20,000 and 200,000 images. Right: the critic's mean answers. What counts is "
        "the distance of the two lines: near nothing, the critic cannot tell real from made. Late it grows again: with "
        "1,437 digits to learn from, the critic comes to know them by heart.",
    ),
    Idea(
        "game",
        "Its loss is a game",
        """
Let D, between 0 and 1, be the critic's answer as a probability. As first published, the critic raises the mean of
log D(x) + log(1 - D(G(z))), its cross-entropy from above, and the generator lowers the same number: what one gains the
other loses. There is no number that both lower, so a loss curve does not tell whether it goes well. And the rules
matter. Where the critic is sure of a fake, this loss is flat and the generator learns nothing; to raise log D(G(z))
instead is *non-saturating*. Even so a generator may please the critic with a few kinds of items, and move on to others
when it is caught (*mode collapse*). The default here compares each fake with a real item (`relativistic`) and keeps the
critic from being too steep (R1 and R2), so that it is hard to leave a kind of item out for long.
""",
        (
            (
                "python",
                """
which = np.random.default_rng(0).integers(8, size=6000) * np.pi / 4  # eight islands on a ring
islands = 2 * np.stack([np.cos(which), np.sin(which)], 1) + 0.05 * np.random.default_rng(1).normal(size=(6000, 2))
np.save("islands.npy", islands.astype("float32"))
""",
            ),
            (
                "bash",
                """
latentia train gan islands.npy --latent 2 --images 200k --game minimax --r1 0 --r2 0 --run runs/minimax
latentia train gan islands.npy --latent 2 --images 200k --run runs/relativistic
latentia sample runs/minimax -n 1000 --weights last -o minimax.npz
latentia sample runs/relativistic -n 1000 --weights last -o relativistic.npz
""",
            ),
        ),
        figures.game,
        "Left: how strongly a fake's answer is pushed up, by how the critic answers to it: a hopeless fake, on the "
        "left, needs the push most. Middle and right: items (grey) and samples after 200,000 images under two rules. "
        "Eight islands from one round noise need thin bridges: a generator is continuous.",
    ),
    Idea(
        "walk",
        "Walking through noise",
        """
Every point of the noise decodes to something, so the way from one point to another is a way from picture to picture.
`slerp` goes around the origin, where noise of many dimensions lies; the straight way of `lerp` cuts through a middle
that the generator never saw. But equal steps in the noise are not equal steps in the pictures: there are plateaus and
cliffs. `--even` measures the way and sets its steps anew, so that an even walk in the noise is an even walk in the
pictures.
""",
        (
            (
                "bash",
                """
latentia interpolate runs/gan 3 4 --steps 13 --how lerp -o lerp.png
latentia interpolate runs/gan 3 4 --steps 13 --how slerp -o slerp.png
latentia interpolate runs/gan 3 4 --steps 13 --even -o even.png
latentia interpolate runs/gan 3 4 1 --even --loop --seconds 4 --fps 20 -o walk.gif
""",
            ),
        ),
        figures.walk,
        "The same two seeds, three ways. Right: the distance from each picture to the next, as a share of the whole.",
    ),
    Idea(
        "decoders",
        "One noise, two decoders",
        """
A VAE's decoder and a GAN's generator are the same thing: a net from noise to pictures. What differs is how it was
taught. The VAE's must answer for every training item, so where it cannot know it paints the mean of what may be: soft
edges, and no kind of item left out. The GAN's answers only for what it makes, and a mean of many digits is easily told
from a digit: sharp edges, and nothing that says which items it cannot make. The two have never met, so the same noise
means another digit to each.
""",
        (
            (
                "python",
                """
z = np.random.default_rng(0).normal(size=(12, 8))
for name, run in (("vae", "beta-1"), ("gan", "gan")):  # that VAE's prior is N(0, I), as the GAN's noise is
    lt.grid(lt.load(f"runs/{run}").decode(z), columns=12).save(f"one-noise-{name}.png")
""",
            ),
        ),
        figures.decoders,
        "Each column above and below: one noise vector of eight numbers, decoded by the VAE and by the GAN.",
    ),
    Idea(
        "growing",
        "Growing",
        """
A progressive GAN begins with pictures of 4 x 4 pixels, on which only the largest forms can be seen, and doubles them
again and again: each new level is faded in, so that it does not upset what is there. First where things are, then what
they look like close by.
""",
        (
            (
                "bash",
                """
latentia train progan digits --size 16 --latent 32 --hidden 64,32,16 --batches 32 --stabilise 10k --fade 10k \\
    --images 10k --run runs/progan
latentia sample runs/progan -n 12 --weights last -o level-1.png
latentia train --run runs/progan --images 30k
latentia sample runs/progan -n 12 --weights last -o level-2.png
latentia train --run runs/progan --images 70k
latentia sample runs/progan -n 12 --weights last -o level-3.png
""",
            ),
        ),
        figures.growing,
        "Seeds 0 to 11 when the levels of 4, 8 and 16 pixels have been learnt, after 10,000, 30,000 and 70,000 images.",
    ),
    Idea(
        "labels",
        "Asking for a digit",
        """
With `--labels` both nets are told which digit it is, and the critic asks not "is it real?" but "is it a real seven?".
So the generator can be asked for a seven. What is left to the noise is what the label does not say: how thick, how
slanted, how wide.
""",
        (
            (
                "bash",
                """
latentia train gan digits --labels --images 100k --run runs/labels
latentia sample runs/labels -n 12 --label all -o all.png
latentia sample runs/labels -n 12 --label 7 -o sevens.png
""",
            ),
        ),
        figures.labels,
        "A row for each label, a column for each noise: what makes one digit bold, slanted or faint does so to all.",
    ),
)
