"""The ideas about a latent space worth having, after those about the variational autoencoder."""

from __future__ import annotations

from docs.idea import Idea

from docs import figures_of_latents as figures

LATENTS: tuple[Idea, ...] = (
    Idea(
        "regular",
        "How a Gaussian prior regularises",
        """
We want a space that is *complete*, each place near the middle decodes to something, and *continuous*, places close
together decode to much the same. The KL to N(0, I) asks for both in one term. Codes that lie far from 0 cost, so no
item gets an island of its own: that closes gaps. Deviations below 1 cost, so no item keeps a point to itself:
posteriors grow until they overlap, and where two overlap the decoder must answer with something between the two. Leave
the term out (beta 0), and deviations shrink to points: what lies between two of them nobody has trained.
""",
        (
            (
                "bash",
                """
latentia train vae digits --latent 2 --likelihood gaussian --prior normal --beta 0 --images 150k --run runs/free
latentia encode runs/free digits:train --std --weights last -o free.npz
latentia encode runs/vae-2 digits:train --std --weights last -o held.npz
""",
            ),
        ),
        figures.regular,
        "Above: the posteriors of 400 digits, out to two deviations, coloured by class; the dashed circle holds 95 % "
        "of the prior. Below: what places at equal distances decode to, over the same region.",
    ),
    Idea(
        "disentangle",
        "One latent, one factor",
        """
What makes an item different from the next, its *factors of variation*, is spread over the latents in whatever mixture
served the loss. In a *disentangled* code each factor has a latent of its own: one slider moves a bar, another the
light. The VAE's prior helps, as its latents are independent; beta-TCVAE adds weight to exactly that term of the KL, the
*total correlation* of the latents. How far it went can be measured where factors are known: the mutual information gap
(MIG) of a factor is by how much the latent that knows most of it is ahead of the second, from 0 to 1. Nothing in the
data alone says which factors are meant (Locatello et al. 2019), so the help is a preference and not a promise.
""",
        (
            (
                "python",
                """
across, down, light = np.random.default_rng(0).uniform(size=(3, 4000, 1))  # three factors that know nothing of another
places = np.linspace(0, 1, 16)
near = [np.exp(-(((places - factor) / 0.15) ** 2)) for factor in (across, down)]
bars = 0.5 * light[:, None] + 0.25 * near[0][:, None] + 0.25 * near[1][:, :, None]
np.save("bars.npy", (255 * bars).astype("uint8")[..., None])
""",
            ),
            (
                "bash",
                """
latentia train autoencoder bars.npy --latent 4 --hidden 128,128 --body mlp --batch 64 --images 150k --run runs/mixed
latentia train tcvae bars.npy --latent 4 --hidden 128,128 --body mlp --batch 64 --images 150k \
    --beta 6 --likelihood continuous-bernoulli --run runs/apart
latentia traverse runs/mixed -o mixed.png
latentia traverse runs/apart -o apart.png
""",
            ),
            (
                "python",
                """
from latentia.metrics.disentanglement import disentanglement

factors = (10 * np.concatenate([across, down, light], 1)).astype(int)
for name in ("mixed", "apart"):
    codes = lt.load(f"runs/{name}").encode(np.load("bars.npy"))
    np.save(f"{name}.npy", [each.value for each in lt.disentanglement(codes, factors, ["mig", "sap"]).values()])
""",
            ),
        ),
        figures.disentangle,
        "Each row moves one latent and holds the other three. In the autoencoder's rows bars and light move together; "
        "of beta-TCVAE's one is the light, one the bar up and down, and two share the bar from left to right.",
    ),
)
