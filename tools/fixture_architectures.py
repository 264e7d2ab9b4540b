"""The architectures that export_onnx is swept over: ARCHITECTURES, by name. Made into files by make_architectures.py.

Of timm, of transformers, and written out (fixture_architecture_nets.py): in small configurations, with random weights.
"""

import dataclasses
from typing import Callable

import torch
from torch import nn

import fixture_architecture_nets as nets
import torchvision_stub

with torchvision_stub.installed():
    import timm
    from timm import layers
    from timm.models import convmixer, focalnet, gcvit, metaformer, mlp_mixer, nest, vgg, volo


@dataclasses.dataclass(frozen=True)
class Architecture:
    build: Callable[[], nn.Module]
    # inputs(batch, step) -> tensors; steps from 1 on: at other sizes than the batch, if `axes` names any
    inputs: Callable[[int, int], tuple]
    axes: tuple = ()  # names of open sizes besides the batch, in the order in which they appear in the inputs
    script: bool = True  # try to script it
    steps: int = 1


ARCHITECTURES = {}


def images(size, *others, channels=3, count=1):
    """Batches of images, of `size` or, from step 1 on, of `others`: (height, width)."""
    sizes = [size if isinstance(size, tuple) else (size, size), *others]
    return lambda batch, step: tuple(torch.randn(batch, channels, *sizes[min(step, len(others))]) for _ in range(count))


def tokens(length=12, other=17, vocabulary=50, lowest=1):
    return lambda batch, step: (torch.randint(lowest, vocabulary, (batch, other if step else length)),)


def add(name, build, inputs, axes=(), **more):
    assert name not in ARCHITECTURES, name
    ARCHITECTURES[name] = Architecture(build, inputs, axes, **more)


ODD, EVEN = (71, 101), (96, 128)


def add_image(name, build, size=64, *others, **more):
    add(name, build, images(size, *others), ("height", "width") if others else (), steps=len(others), **more)


# --- timm -------------------------------------------------------------------------------------------------------------
def add_timm(name, size=64, others=(ODD, EVEN), script=True, **options):
    add_image(name, lambda: timm.create_model(name, num_classes=10, **options), size, *others, script=script)


RESNET = {"layers": (1, 1, 1, 1), "channels": (16, 32, 64, 128)}
VIT = {"img_size": 64, "embed_dim": 48, "depth": 2, "num_heads": 3}
FOUR = {"depths": (1, 1, 1, 1)}
DIMS = {"dims": (16, 32, 48, 64)}

for kind in ("resnet18", "resnet26d", "seresnet18", "ecaresnet26t", "resnetblur18", "skresnet18"):
    add_timm(kind, **RESNET)
add_timm("resnext50_32x4d", **RESNET | {"cardinality": 8})
add_timm("resnest14d", layers=(1, 1, 1, 1), base_width=16, stem_width=8)
add_timm("res2net50_26w_4s", **RESNET)
add_timm("resnetv2_18", layers=(1, 1, 1, 1), channels=(16, 32, 64, 128))
add_timm("regnety_002")
add_timm("regnetz_005", script=False)
add_timm("densenet121", growth_rate=8, block_config=(2, 2, 2, 2))
add_timm("test_efficientnet")
add_timm("efficientnet_b0")
add_timm("tf_efficientnetv2_b0", script=False)
add_timm("mobilenetv2_035")
add_timm("mobilenetv3_small_050")
add_timm("mobilenetv4_conv_small_035")
add_timm("mnasnet_small")
add_timm("semnasnet_050")
add_timm("lcnet_035")
add_timm("tinynet_e")
add_timm("mixnet_s", script=False)
add_timm("fbnetc_100", script=False)
add_timm("ghostnet_050")
add_timm("ghostnetv2_100")
add_timm("rexnet_100", script=False)
add_timm("inception_v3", size=96, others=((128, 107),), script=False)
add_timm("xception41", size=64, script=False)
add_timm("convnext_atto", **FOUR | DIMS)
add_timm("convnextv2_atto", **FOUR | DIMS)
add_timm("inception_next_atto", **FOUR | DIMS)
add_timm("vit_tiny_patch16_224", others=(), **VIT)
add_timm("deit3_small_patch16_224", others=(), **VIT)
add_timm("deit_tiny_distilled_patch16_224", others=(), **VIT)
add_timm("beit_base_patch16_224", others=(), **VIT)
add_timm("eva02_tiny_patch14_224", size=56, others=(), **VIT | {"img_size": 56})
add_timm("vit_relpos_small_patch16_224", others=(), **VIT)
add_timm("swin_tiny_patch4_window7_224", size=56, others=(), img_size=56, embed_dim=16, depths=(2, 2), num_heads=(2, 4))
add_timm("swinv2_tiny_window8_256", size=64, others=(), img_size=64, embed_dim=16, depths=(2, 2), num_heads=(2, 4))
add_timm("pvt_v2_b0", depths=(1, 1, 1, 1), embed_dims=(16, 32, 40, 64))
add_timm("twins_svt_small", others=(), img_size=64, embed_dims=(16, 32, 64, 64), depths=(1, 1, 2, 1), num_heads=(2, 4, 8, 8))
add_timm("maxvit_nano_rw_256", size=128, others=(), img_size=128, embed_dim=(32, 32, 64, 64), depths=(1, 1, 1, 1), stem_width=16)
add_timm("coatnet_nano_rw_224", size=64, others=(), img_size=64, embed_dim=(16, 32, 64, 64), depths=(1, 1, 1, 1), stem_width=16)
add_timm("coat_lite_tiny", others=(), img_size=64, embed_dims=(16, 32, 40, 64), serial_depths=(1, 1, 1, 1))
add_timm("edgenext_xx_small")
add_timm("mobilevit_xxs")
add_timm("mobilevitv2_050")
add_timm("hrnet_w18_small", script=False)
add_timm("dla46_c")
add_timm("dpn48b", script=False)
add_timm("ese_vovnet19b_slim", script=False)
add_timm("cspresnet50", script=False)
add_timm("hgnetv2_b0", script=False)
add_timm("repvgg_a0", script=False)
add_timm("mobileone_s0", script=False)
add_timm("repvit_m0_9", script=False)
add_timm("nf_resnet26", script=False)
add_timm("test_nfnet")
add_timm("botnet26t_256", size=128, others=(), script=False, img_size=128)
add_timm("lambda_resnet26t", size=128, others=(), script=False, img_size=128)
add_timm("halonet26t", size=256, others=(), script=False)
add_timm("levit_128s", others=(), img_size=64, embed_dim=(32, 48, 64), key_dim=16, num_heads=(2, 3, 4), depth=(1, 1, 1))
add_timm("efficientformer_l1", size=224, others=(), script=False, embed_dims=(16, 32, 48, 64), depths=(1, 1, 1, 2))
add_timm("efficientformerv2_s0", size=64, others=(), img_size=64)
add_timm("efficientvit_b0")
add_timm("efficientvit_m0", size=224, others=())
add_timm("fastvit_t8", script=False)
add_timm("fasternet_t0", script=False)
add_timm("convit_tiny", others=(), img_size=64, embed_dim=48, depth=3, num_heads=4, local_up_to_layer=2)
add_timm("cait_xxs24_224", others=(), **VIT | {"num_heads": 4})
add_timm("xcit_nano_12_p16_224", others=(), **VIT | {"num_heads": 4})
add_timm("visformer_tiny", others=(), script=False, img_size=64, init_channels=8, embed_dim=96, depth=(1, 1, 1))
add_timm("pit_ti_224", others=(), img_size=64, base_dims=(16, 16, 16), depth=(1, 1, 1), heads=(2, 2, 4))
add_timm("sequencer2d_s", others=(), script=False, img_size=56, size=56, layers=(1, 1, 1, 1), embed_dims=(32, 64, 64, 64), hidden_sizes=(8, 16, 16, 16))
add_timm("davit_tiny", size=56, others=(), script=False, depths=(1, 1), embed_dims=(16, 32), num_heads=(2, 4))
add_timm("hiera_tiny_224", others=(), script=False, img_size=(64, 64), embed_dim=16, num_heads=1, stages=(1, 1, 1, 1))
add_timm("tiny_vit_5m_224", size=224, others=(), script=False, embed_dims=(16, 32, 32, 64), depths=(1, 1, 1, 1), num_heads=(1, 2, 2, 4))
add_timm("mambaout_femto", **FOUR | DIMS)
add_timm("starnet_s1", depths=(1, 1, 1, 1), base_dim=8)


def add_mixer(name, **options):
    add_image(name, lambda: mlp_mixer.MlpMixer(10, 64, patch_size=16, num_blocks=2, embed_dim=48, **options), 64)


add_mixer("mixer")
add_mixer("resmlp", block_layer=mlp_mixer.ResBlock, norm_layer=mlp_mixer.Affine, mlp_ratio=4)
add_mixer("gmixer", mlp_layer=layers.GluMlp, act_layer=nn.SiLU, mlp_ratio=(1.0, 4.0))
add_mixer("gmlp", block_layer=mlp_mixer.SpatialGatingBlock, mlp_layer=layers.GatedMlp, mlp_ratio=4)
add_image("poolformer", lambda: metaformer.MetaFormer(num_classes=10, depths=(1, 1, 1, 1), dims=(16, 32, 48, 64)), 64, ODD, EVEN)
add_image("caformer", lambda: metaformer.MetaFormer(
    num_classes=10, depths=(1, 1, 1, 1), dims=(16, 32, 64, 64),
    token_mixers=[metaformer.SepConv, metaformer.SepConv, metaformer.Attention, metaformer.Attention],
    norm_layers=[metaformer.LayerNorm2dNoBias] * 2 + [metaformer.LayerNormNoBias] * 2), 64, ODD, EVEN)
add_image("convmixer", lambda: convmixer.ConvMixer(dim=32, depth=3, kernel_size=7, patch_size=7, num_classes=10), 56, (70, 84))
add_image("focalnet", lambda: focalnet.FocalNet(num_classes=10, embed_dim=16, depths=(1, 1, 1, 1)), 64, ODD, EVEN)
add_image("gcvit", lambda: gcvit.GlobalContextVit(num_classes=10, img_size=224, embed_dim=16, depths=(1, 1, 1, 1),
                                                  num_heads=(2, 2, 4, 4)), 224, script=False)
add_image("nest", lambda: nest.Nest(64, num_classes=10, embed_dims=(16, 32, 64), num_heads=(2, 2, 4), depths=(1, 1, 1)),
          64, script=False)
add_image("volo", lambda: volo.VOLO((1, 1, 1, 1), 64, num_classes=10, embed_dims=(24, 48, 48, 48), num_heads=(2, 4, 4, 4),
                                    downsamples=(True, False, False, False), outlook_attention=(True, False, False, False)),
          64, script=False)
add_image("vgg_bn", lambda: vgg.VGG([16, "M", 32, "M", 32, 32, "M"], 10, mlp_ratio=1 / 64, norm_layer=nn.BatchNorm2d), 64, ODD, EVEN)


# --- transformers -----------------------------------------------------------------------------------------------------
class Plain(nn.Module):
    """A model of transformers with tensors as arguments and a tensor, or several, as result."""

    def __init__(self, model, arguments=("input_ids", "attention_mask"), results=("last_hidden_state",), **constants):
        super().__init__()
        self.model, self.arguments, self.results, self.constants = model, arguments, results, constants

    def forward(self, *inputs):
        out = self.model(**dict(zip(self.arguments, inputs)), **self.constants)
        results = tuple(getattr(out, name) for name in self.results)
        return results[0] if len(results) == 1 else results


TEXT = {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
        "max_position_embeddings": 64}
DECODER = TEXT | {"num_key_value_heads": 2, "pad_token_id": 0}
VISION = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48, "image_size": 64,
          "patch_size": 16}


def text_and_mask(batch, step, length=12, other=17, vocabulary=99):
    length = other if step else length
    mask = torch.ones(batch, length, dtype=torch.long)
    mask[:, length - 3:] = torch.arange(batch)[:, None] % 2  # every other row is padded
    mask[0, length - 1] = 0
    return torch.randint(5, vocabulary, (batch, length)), mask


def add_transformers(name, model, config, inputs=text_and_mask, axes=("length", ), constants={}, plain={}, **options):
    def build():
        import transformers
        settings = getattr(transformers, config)(**options, **{"use_cache": False} if "use_cache" in constants else {})
        settings.torchscript = False
        return Plain(getattr(transformers, model)(settings), **plain, **constants)
    add(name, build, inputs, axes, script=False)


def add_text(name, model, **options):
    add_transformers(name, model + "Model", model + "Config", **options)


add_text("bert", "Bert", **TEXT)
add_transformers("bert_eager", "BertModel", "BertConfig", attn_implementation="eager", **TEXT,
                 plain={"results": ("last_hidden_state", "pooler_output")})
add_text("distilbert", "DistilBert", vocab_size=99, dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=64)
add_text("roberta", "Roberta", **TEXT)
add_text("xlm_roberta", "XLMRoberta", **TEXT)
add_text("albert", "Albert", embedding_size=16, **TEXT)
add_text("electra", "Electra", embedding_size=16, **TEXT)
add_text("mpnet", "MPNet", **TEXT)
add_text("camembert", "Camembert", **TEXT)
add_text("deberta", "Deberta", **TEXT, relative_attention=True, pos_att_type="c2p|p2c")
add_text("deberta_v2", "DebertaV2", **TEXT, relative_attention=True, pos_att_type="c2p|p2c", position_buckets=8, share_att_key=True)
add_text("modernbert", "ModernBert", **TEXT, pad_token_id=0)
add_text("funnel", "Funnel", vocab_size=99, d_model=32, n_head=4, d_head=8, d_inner=48, block_sizes=[1, 1], num_decoder_layers=1)
add_text("mobilebert", "MobileBert", **TEXT, embedding_size=32, intra_bottleneck_size=32)
add_text("squeezebert", "SqueezeBert", **TEXT, embedding_size=32, q_groups=2, k_groups=2, v_groups=2, intermediate_groups=2, output_groups=2)
add_text("fnet", "FNet", vocab_size=99, hidden_size=32, num_hidden_layers=2, intermediate_size=48, max_position_embeddings=64,
         plain={"arguments": ("input_ids",)}, inputs=tokens(16, 24, 99), axes=("length",))
add_transformers("t5_encoder", "T5EncoderModel", "T5Config", vocab_size=99, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4)
add_text("gpt2", "GPT2", vocab_size=99, n_embd=32, n_layer=2, n_head=4, n_positions=64, constants={"use_cache": False})
add_transformers("gpt2_lm", "GPT2LMHeadModel", "GPT2Config", vocab_size=99, n_embd=32, n_layer=2, n_head=4, n_positions=64,
                 constants={"use_cache": False}, plain={"results": ("logits",)})
add_text("gpt_neox", "GPTNeoX", **TEXT, constants={"use_cache": False})
add_text("opt", "OPT", vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=48,
         max_position_embeddings=64, word_embed_proj_dim=32, constants={"use_cache": False})
for decoder in ("Llama", "Qwen2", "Mistral", "Phi", "Gemma"):
    add_text(decoder.lower(), decoder, **DECODER, **{"head_dim": 8} if decoder == "Gemma" else {}, constants={"use_cache": False})
add_text("qwen3", "Qwen3", **DECODER, head_dim=8, constants={"use_cache": False})
add_transformers("bart", "BartModel", "BartConfig", vocab_size=99, d_model=32, encoder_layers=1, decoder_layers=1,
                 encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48,
                 max_position_embeddings=64, constants={"use_cache": False})


def add_vision(name, model, size=64, other=None, results=("last_hidden_state",), **options):
    add_transformers(name, model + "Model", model + "Config", images(size, *[other] if other else []), ("height", "width") if other else (),
                     plain={"arguments": ("pixel_values",), "results": results}, **options)


add_vision("hf_vit", "ViT", **VISION)
add_vision("dinov2", "Dinov2", **VISION | {"patch_size": 16})
add_vision("clip_vision", "CLIPVision", **VISION, results=("last_hidden_state", "pooler_output"))
add_transformers("clip_text", "CLIPTextModel", "CLIPTextConfig", **TEXT, plain={"results": ("last_hidden_state", "pooler_output")})
add_vision("siglip_vision", "SiglipVision", **VISION, results=("pooler_output",))
add_vision("segformer", "Segformer", other=(96, 128), hidden_sizes=[16, 16, 32, 32], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 4, 4],
           decoder_hidden_size=32)
add_vision("hf_mobilevit", "MobileViT", hidden_sizes=[24, 32, 40], neck_hidden_sizes=[8, 16, 24, 32, 40, 48, 64], num_attention_heads=4)
add_vision("hf_swin", "Swin", image_size=64, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4)
add_vision("levit_hf", "Levit", image_size=64, hidden_sizes=[32, 48, 64], num_attention_heads=[2, 3, 4], key_dim=[8, 8, 8], depths=[1, 1, 1])


def waveforms(batch, step):
    return (torch.randn(batch, 2000 if step else 1600),)


SOUND = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48, "conv_dim": (16, 16, 16),
         "conv_stride": (5, 2, 2), "conv_kernel": (10, 3, 3), "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
         "num_feat_extract_layers": 3, "apply_spec_augment": False}
for sound in ("Wav2Vec2", "Hubert", "WavLM"):
    add_text(sound.lower(), sound, **SOUND, inputs=waveforms, axes=("samples",), plain={"arguments": ("input_values",)})


def add_encoder(name, model, config, inputs, axes, argument, **options):
    """The encoder of a model of two parts."""
    def build():
        import transformers
        return Plain(getattr(transformers, model)(getattr(transformers, config)(**options)).get_encoder(), (argument,))
    add(name, build, inputs, axes, script=False)


add_encoder("whisper_encoder", "WhisperModel", "WhisperConfig", lambda batch, step: (torch.randn(batch, 16, 40),), (), "input_features",
            vocab_size=99, d_model=32, encoder_layers=2, decoder_layers=1, encoder_attention_heads=4, decoder_attention_heads=4,
            encoder_ffn_dim=48, decoder_ffn_dim=48, num_mel_bins=16, max_source_positions=20, pad_token_id=0)
add_text("audio_spectrogram", "AST", inputs=lambda batch, step: (torch.randn(batch, 64, 32),), axes=(), hidden_size=32,
         num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, max_length=64, num_mel_bins=32,
         plain={"arguments": ("input_values",)})


# --- written out ------------------------------------------------------------------------------------------------------
def floats(*shape, other=None, count=1):
    """Tensors of [batch, *shape]."""
    return lambda batch, step: tuple(torch.randn(batch, *(other if step and other else shape)) for _ in range(count))


def both(*makers):
    return lambda batch, step: tuple(each for maker in makers for each in maker(batch, step))


add_image("alexnet", nets.AlexNet, 128)
add_image("squeezenet", nets.SqueezeNet, 96, (121, 107))
add_image("shufflenet", nets.ShuffleNet, 64, ODD, EVEN)
add_image("googlenet", nets.GoogLeNet, 64, (71, 101))
add_image("torchvision_vit", nets.TorchvisionViT, 64)
add("video_net", nets.VideoNet, floats(3, 8, 32, 32, other=(3, 8, 40, 48)), ("height", "width"))
add("mlp", nets.MLPClassifier, floats(20))
add_image("fcn", nets.FCN, 64, ODD, EVEN)
add_image("deeplab", nets.DeepLab, 64, ODD, EVEN)
add_image("lraspp", nets.LRASPP, 64, ODD, EVEN)
add_image("pspnet", nets.PSPNet, 64)
add_image("unet", nets.UNet, (70, 66), ODD)
add_image("ssd", nets.SSD, 64, ODD, EVEN)
add_image("yolo", nets.YOLO, 64, ODD, EVEN)
add_image("super_resolution", nets.SuperResolution, 24, (30, 34))
add("inpainting", nets.Inpainting, lambda batch, step: (torch.randn(batch, 3, *((48, 40) if step else (32, 32))),
                                                        (torch.rand(batch, 1, *((48, 40) if step else (32, 32))) > 0.7).float()),
    ("height", "width"))
add("stereo", nets.StereoNet, images(32, (40, 48), count=2), ("height", "width"))
add("optical_flow", nets.OpticalFlow, images(32, (40, 48), count=2), ("height", "width"))
add("dcgan", nets.Generator, floats(32))
add("style_generator", nets.StyleGenerator, floats(16))
add_image("cycle_generator", nets.CycleGenerator, 32, (40, 48))
add("vae", nets.VAE, floats(1, 28, 28))
add("diffusion_unet", nets.DiffusionUNet, lambda batch, step: (torch.randn(batch, 3, *((24, 20) if step else (16, 16))),
                                                               torch.randint(0, 1000, (batch,))), ("height", "width"))
add("lstm_tagger", nets.Tagger, tokens(), ("length",))
add("gru_tagger", lambda: nets.Tagger("GRU"), tokens(), ("length",))
add("rnn_tagger", lambda: nets.Tagger("RNN", 1), tokens(), ("length",))
add("time_first_gru", nets.TimeFirstGRU, lambda batch, step: (torch.randn(9 if step else 7, batch, 8), torch.randn(2, batch, 12)),
    ("length",))
add("seq2seq", nets.Seq2Seq, tokens(vocabulary=40), ("length",))
add("crnn", nets.CRNN, images((32, 64), (32, 96), channels=1), ("width",))
add("encoder", nets.Encoder, tokens(), ("length",))
add("encoder_norm_first", lambda: nets.Encoder(True, "gelu"), tokens(), ("length",))
add("masked_encoder", nets.MaskedEncoder,
    lambda batch, step: (torch.cat([torch.randint(1, 50, (batch, 9 if step else 6)), torch.randint(0, 2, (batch, 5))], 1),), ("length",))
add("transformer", nets.Transformer, both(tokens(), tokens(8, 11)), ("length", "target_length"))
add("text_cnn", nets.TextCNN, tokens(), ("length",))
add("tcn", nets.TCN, floats(4, 30, other=(4, 41)), ("length",))
add("conv_tasnet", nets.ConvTasNet, floats(400, other=(480,)), ("samples",))
add("keyword_spotter", nets.KeywordSpotter, floats(640, other=(800,)), ("samples",))
add("wavenet", nets.WaveNet, floats(1, 60, other=(1, 77)), ("samples",))
add("ecapa", nets.ECAPA, floats(20, 30, other=(20, 41)), ("length",))
add("conformer", nets.Conformer, floats(20, 30, other=(20, 42)), ("length",))
add("pointnet", nets.PointNet, floats(3, 40, other=(3, 55)), ("points",))
add("dgcnn", nets.DGCNN, floats(3, 20, other=(3, 27)), ("points",))
add("graph_attention", nets.GraphAttention,
    lambda batch, step: (torch.randn(batch, 9 if step else 7, 6), torch.rand(batch, *2 * [9 if step else 7]) > 0.5), ("nodes",))
add("dlrm", nets.DLRM, lambda batch, step: (torch.randn(batch, 5), torch.randint(0, 20, (batch, 3))))
add("nbeats", nets.NBeats, floats(24))
add("neural_field", nets.NeuralField, floats(3, count=2))
add("mixture_of_experts", nets.MixtureOfExperts, floats(12))
add("state_space", nets.StateSpace, floats(10, 12))
add("siamese", nets.Siamese, images(32, (40, 48), channels=1, count=2), ("height", "width"))
add("clip_like", nets.ContrastiveTextImage, both(images(32), tokens(6, 6, 30)))
add_image("involution", nets.DeformableLike, 24, (30, 34))
