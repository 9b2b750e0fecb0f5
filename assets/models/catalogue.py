"""Every model that the project knows by name, and how a model given by its path is used.

Digests and sizes were taken from the files themselves, or from public manifests of the same revision; one that no
source tells is None.
"""

from __future__ import annotations

from .model import Model, Weights

HUB = "https://huggingface.co"
CLIP_L14 = f"{HUB}/openai/clip-vit-large-patch14/resolve/32bd64288804d66eefd0ccbe215aa642df71cc41"
SIGLIP_SO400M = f"{HUB}/google/siglip-so400m-patch14-384/resolve/9fdffc58afc957d1a03a25b10dba0329ab15c2a3"
LAION_HEAD = (
    "https://github.com/christophschuhmann/improved-aesthetic-predictor/raw/"
    "6934dd81792f086e613a121dbce43082cb8be85e/sac%2Blogos%2Bava1-l14-linearMSE.pth"
)
SIGLIP_HEAD = (
    "https://github.com/discus0434/aesthetic-predictor-v2-5/raw/"
    "3125a9e1f275092432ffc336f2908eda812c373c/models/aesthetic_predictor_v2_5.pth"
)
YOLO_LICENCE = "YOLO LICENSE v2 (public domain)"
TORCH = ("torch", "transformers", "safetensors", "PIL")

YOLO_XL = Model(
    "yolo-fastest-xl", 1, "detect", "yolo:YoloFastest",
    "Things of 80 classes (COCO). Published mAP@0.5 34 %; labels are hints, the class person is the most reliable.",
    YOLO_LICENCE,
    (Weights("yolo-fastest-1.1-xl.onnx", 3602719,
             "b8309636f29ffa00b00448a5d475d3e7abdf75bbffbdce26c74ae97e12b21438"),),
    packages=("onnxruntime",), helpers=("onnx_session", "boxes", "coco"),
    source="github.com/dog-qiuqiu/Yolo-Fastest @96a2900, yolo-fastest-1.1-xl, converted from Darknet to ONNX",
)  # fmt: skip
YOLO_BODY = Model(
    "yolo-fastest-body", 1, "detect", "yolo:YoloFastest",
    "People. Agrees with the 80-class model's people on 100 of 105 frames, and takes cartoons for people less often.",
    YOLO_LICENCE,
    (Weights("yolo-fastest-1.1-body.onnx", 1155457,
             "88e5a04b4c6b9035dcca3ad93ba9c2b3b5993903a0c8f8e7e65c115781983ecf"),),
    packages=("onnxruntime",), helpers=("onnx_session", "boxes", "coco"),
    source="github.com/dog-qiuqiu/Yolo-Fastest @96a2900, yolo-fastest-1.1_body, converted from Darknet to ONNX",
)  # fmt: skip
ULTRALIGHT_FACE = Model(
    "ultralight-face", 1, "detect", "ultralight_face:UltralightFace",
    "Faces. Published on WIDER FACE: easy 0.86, medium 0.82, hard 0.58; small and averted faces are missed.", "MIT",
    (Weights("ultralight-RFB-640-folded.onnx", 1577010,
             "a9e7cb5308de493844547e3ffdc4458f68fc81da9672f33f1074ed149db36578"),),
    packages=("onnxruntime",), helpers=("onnx_session", "boxes"),
    source="github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB @dffdddd, version-RFB-640.onnx with its "
    "weights taken out of the graph's inputs",
)  # fmt: skip
NSFW = Model(
    "nsfw-mobilenetv2", 1, "score", "nsfw:NsfwMobileNet",
    "Probabilities of Drawing, Hentai, Neutral, Porn, Sexy, and a vector of 1280 numbers. False alarms are common.",
    "MIT",
    (Weights("nsfw-mobilenetv2.onnx", 10290807, "5649c463946924b096f80516bb1054c58c114445d028982c4b9cc4ca6e9ed2f6"),),
    packages=("onnxruntime",), also=("embed",), helpers=("onnx_session",),
    source="github.com/infinitered/nsfwjs @d55a54c, models/mobilenet_v2, converted from TF.js to ONNX",
)  # fmt: skip
LAION = Model(
    "laion-aesthetic-v2", 1, "score", "aesthetic:AestheticHead",
    "How much people like a picture, about 1 to 10, by a linear head on CLIP ViT-L/14.",
    "Apache-2.0 (head), MIT (CLIP)",
    (
        Weights("laion-aesthetic-v2/sac+logos+ava1-l14-linearMSE.pth", 3714759,
                "21dd590f3ccdc646f0d53120778b296013b096a035a2718c9cb0d511bff0f1e0", LAION_HEAD),
        Weights("clip-vit-large-patch14/config.json", 4519,
                "8a09b467700c58138c29d53c605b34ebc69beaadd13274a8a2af8ad2c2f4032a", f"{CLIP_L14}/config.json"),
        Weights("clip-vit-large-patch14/preprocessor_config.json", 316,
                "910e70b3956ac9879ebc90b22fb3bc8a75b6a0677814500101a4c072bd7857bd",
                f"{CLIP_L14}/preprocessor_config.json"),
        Weights("clip-vit-large-patch14/model.safetensors", 1710540580,
                "a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb", f"{CLIP_L14}/model.safetensors"),
    ),
    device="gpu", packages=TORCH, helpers=("transformers_embedder",),
    source="github.com/christophschuhmann/improved-aesthetic-predictor and openai/clip-vit-large-patch14",
)  # fmt: skip
SIGLIP = Model(
    "siglip-aesthetic-v2-5", 1, "score", "aesthetic:AestheticHead",
    "How much people like a picture, about 1 to 10, 5.5 and up is very good, by a linear head on SigLIP so400m.",
    "AGPL-3.0 (head), Apache-2.0 (SigLIP)",
    (
        Weights("siglip-aesthetic-v2-5/aesthetic_predictor_v2_5.pth", url=SIGLIP_HEAD),
        Weights("siglip-so400m-patch14-384/config.json", 576,
                "adc04928d8fd19a61822584fe0cf2e813e5ebac17f3e49fb1ea096860ae6457b", f"{SIGLIP_SO400M}/config.json"),
        Weights("siglip-so400m-patch14-384/preprocessor_config.json", 368,
                "f59da2f87c3cd079bd4f8f3037e81b277c60c498e279a8020331f67a5a3157e8",
                f"{SIGLIP_SO400M}/preprocessor_config.json"),
        Weights("siglip-so400m-patch14-384/model.safetensors", 3511950624,
                "ea2abad2b7f8a9c1aa5e49a244d5d57ffa71c56f720c94bc5d240ef4d6e1d94a",
                f"{SIGLIP_SO400M}/model.safetensors"),
    ),
    device="gpu", packages=TORCH, helpers=("transformers_embedder",),
    source="github.com/discus0434/aesthetic-predictor-v2-5 and google/siglip-so400m-patch14-384",
)  # fmt: skip
RAPIDOCR = Model(
    "rapidocr", 1, "read", "rapid_ocr:RapidOcr",
    "Lines of text, Latin and CJK: PP-OCRv6 small, detection and recognition, inside the rapidocr wheel.",
    "Apache-2.0", packages=("rapidocr", "onnxruntime"), source="github.com/RapidAI/RapidOCR, PaddleOCR's weights",
)  # fmt: skip

MODELS: tuple[Model, ...] = (YOLO_XL, YOLO_BODY, ULTRALIGHT_FACE, NSFW, LAION, SIGLIP, RAPIDOCR)


def find_model(name: str) -> Model:
    """A model by its name, or by the path of an .onnx file or of a transformers folder, which then is an embedder.

    What ends in .onnx or holds a slash is a path; one that is not absolute lies below the models folder. How a file
    is used is told in assets/models/onnx_embedder.py, a folder in transformers_embedder.py. Raises KeyError that lists
    the names.
    """
    for model in MODELS:
        if model.name == name:
            return model
    if name.endswith(".onnx"):
        return _onnx_file(name)
    if "/" in name:
        return Model(
            name, 1, "embed", "transformers_embedder:TransformersEmbedder", "A vision model given by its folder.",
            "unknown", (Weights(name), Weights(f"{name}/config.json")), device="gpu", packages=TORCH,
        )  # fmt: skip
    raise KeyError(f"no model {name!r}; known: {', '.join(m.name for m in MODELS)}, or a path")


def _onnx_file(name: str) -> Model:
    """The graph, its preprocessing where the user states it, and weights that it keeps outside."""
    beside = (f"{name.removesuffix('.onnx')}.json", f"{name}.data", f"{name}_data")
    return Model(
        name, 1, "embed", "onnx_embedder:OnnxEmbedder", "An embedder given by its file.", "unknown",
        (Weights(name), *(Weights(path, optional=True) for path in beside)),
        packages=("onnxruntime",), helpers=("onnx_session",),
    )  # fmt: skip
