"""Cases of the attention layers."""

import numpy as np
from keras import layers as L

from .cases import cases_of, const, mask, x


def pair():
    """A query of 3 steps and a value of 4."""
    return [x(2, 3, 5), x(2, 4, 5)]


QUERY_MASK, VALUE_MASK = mask("110 111"), mask("1101 0111")

for name in ("Attention", "AdditiveAttention"):
    cls = getattr(L, name)
    case = cases_of(name)
    case("query and value", lambda cls=cls: cls(), pair())
    case("key", lambda cls=cls: cls(), [x(2, 3, 5), x(2, 4, 6), x(2, 4, 5)])
    case("scale", lambda cls=cls: cls(use_scale=True), pair())
    case("no scale", lambda cls=cls: cls(use_scale=False), pair())
    case("scores", lambda cls=cls: cls(), pair(), return_attention_scores=True)
    case("causal", lambda cls=cls: cls(), [x(2, 4, 3), x(2, 4, 3)], use_causal_mask=True)
    case("causal uneven", lambda cls=cls: cls(), pair(), use_causal_mask=True,
         return_attention_scores=True)
    case("value mask", lambda cls=cls: cls(), pair(), mask=[None, VALUE_MASK])
    case("query mask", lambda cls=cls: cls(), pair(), mask=[QUERY_MASK, None])
    case("both masks", lambda cls=cls: cls(use_scale=True), pair(), mask=[QUERY_MASK, VALUE_MASK],
         return_attention_scores=True)
    case("attached masks", lambda cls=cls: cls(), pair(), masks=[QUERY_MASK, VALUE_MASK])
    case("masks and causal", lambda cls=cls: cls(), [x(2, 4, 3), x(2, 4, 3)],
         mask=[None, VALUE_MASK], use_causal_mask=True)
    case("dropout at inference", lambda cls=cls: cls(dropout=0.4), pair(), training=False)

case = cases_of("Attention")
case("concat", lambda: L.Attention(score_mode="concat"), pair())
case("concat scale", lambda: L.Attention(score_mode="concat", use_scale=True), pair(),
     return_attention_scores=True)
case("concat masks", lambda: L.Attention(score_mode="concat"), pair(),
     mask=[QUERY_MASK, VALUE_MASK])
case("long", lambda: L.Attention(seed=3), [x(1, 9, 7), x(1, 11, 7)])

CROSS = np.array([[[1, 0, 1, 1], [0, 1, 1, 0], [1, 1, 1, 1]],
                  [[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]]], dtype=bool)
PER_HEAD = np.stack([CROSS, CROSS[::-1]], axis=1)

# A query that may see nothing: with dropout or scores Keras gives it zeros, on the fused
# path it attends to everything alike, without gradients of the scores. There the
# gradients are those of TensorFlow; torch lets them through.
BLIND = "a query row that sees no key attends to every key alike, without a gradient to the scores"
BLIND_ZERO = "a query row that sees no key gets zeros before the output projection"
IGNORED = "query_mask has no effect as an argument: only the mask that the query carries counts"

case = cases_of("MultiHeadAttention")
case("query and value", lambda: L.MultiHeadAttention(2, 3), x(2, 3, 5), x(2, 4, 5))
case("self attention", lambda: L.MultiHeadAttention(1, 4), x(2, 3, 4), x(2, 3, 4))
case("key", lambda: L.MultiHeadAttention(2, 2), x(2, 3, 5), x(2, 4, 6), x(2, 4, 3))
case("value dim", lambda: L.MultiHeadAttention(2, 3, value_dim=4), x(2, 3, 5), x(2, 4, 6))
case("output shape", lambda: L.MultiHeadAttention(2, 3, output_shape=7), x(2, 3, 5), x(2, 4, 5))
case("output shape of two", lambda: L.MultiHeadAttention(2, 2, output_shape=(2, 3)), x(2, 3, 4),
     x(2, 4, 4))
case("no bias", lambda: L.MultiHeadAttention(3, 2, use_bias=False), x(2, 3, 4), x(2, 4, 4))
case("scores", lambda: L.MultiHeadAttention(2, 3), x(2, 3, 5), x(2, 4, 5),
     return_attention_scores=True)
case("causal", lambda: L.MultiHeadAttention(2, 3), x(2, 4, 5), x(2, 4, 5), use_causal_mask=True)
case("causal scores", lambda: L.MultiHeadAttention(2, 2), x(2, 3, 4), x(2, 4, 4),
     use_causal_mask=True, return_attention_scores=True)
case("attention mask", lambda: L.MultiHeadAttention(2, 3), x(2, 3, 5), x(2, 4, 5),
     attention_mask=const(CROSS, "bool"))
case("attention mask per head", lambda: L.MultiHeadAttention(2, 3), x(2, 3, 5), x(2, 4, 5),
     attention_mask=const(PER_HEAD, "bool"), return_attention_scores=True)
case("masks given", lambda: L.MultiHeadAttention(2, 2), x(2, 3, 4), x(2, 4, 4),
     query_mask=QUERY_MASK, value_mask=VALUE_MASK, note=IGNORED)
case("key mask given", lambda: L.MultiHeadAttention(2, 2), x(2, 3, 4), x(2, 4, 4), x(2, 4, 4),
     key_mask=mask("1110 0101"), return_attention_scores=True)
case("attached masks", lambda: L.MultiHeadAttention(2, 2), x(2, 3, 4), x(2, 4, 4),
     masks=[QUERY_MASK, VALUE_MASK], engine="tensorflow", note=BLIND)
case("attached masks and scores", lambda: L.MultiHeadAttention(2, 2), x(2, 3, 4), x(2, 4, 4),
     masks=[QUERY_MASK, VALUE_MASK], return_attention_scores=True, note=BLIND_ZERO)
case("masks and causal", lambda: L.MultiHeadAttention(2, 2), x(2, 4, 4), x(2, 4, 4),
     masks=[mask("1110 1111"), mask("1110 1111")], use_causal_mask=True,
     engine="tensorflow", note=BLIND)
case("all masks given", lambda: L.MultiHeadAttention(2, 2), x(2, 3, 4), x(2, 4, 4), x(2, 4, 4),
     query_mask=QUERY_MASK, value_mask=VALUE_MASK, key_mask=mask("1110 0111"),
     attention_mask=const(CROSS | CROSS[::-1], "bool"), return_attention_scores=True, note=IGNORED)
case("query mask and causal", lambda: L.MultiHeadAttention(2, 2), x(2, 4, 4), x(2, 4, 4),
     query_mask=mask("1110 1111"), use_causal_mask=True, note=IGNORED)
case("value mask over an attached one", lambda: L.MultiHeadAttention(2, 2), x(2, 3, 4),
     x(2, 4, 4), value_mask=mask("1111 1011"), masks=[None, VALUE_MASK],
     return_attention_scores=True)
case("attached mask of the key", lambda: L.MultiHeadAttention(2, 2), x(2, 3, 4), x(2, 4, 4),
     x(2, 4, 4), masks=[None, None, VALUE_MASK], return_attention_scores=True)
case("sliding window", lambda: L.MultiHeadAttention(2, 2, sliding_window=2), x(1, 6, 4),
     x(1, 6, 4))
case("sliding window causal", lambda: L.MultiHeadAttention(2, 2, sliding_window=2), x(1, 5, 4),
     x(1, 5, 4), use_causal_mask=True)
case("two attention axes", lambda: L.MultiHeadAttention(2, 2, attention_axes=(1, 2)),
     x(2, 2, 3, 4), x(2, 2, 2, 4))
case("second attention axis", lambda: L.MultiHeadAttention(2, 2, attention_axes=(2,)),
     x(2, 2, 3, 4), x(2, 2, 4, 4), return_attention_scores=True)
case("gate", lambda: L.MultiHeadAttention(2, 3, use_gate=True), x(2, 3, 5), x(2, 4, 5))
case("dropout at inference", lambda: L.MultiHeadAttention(2, 3, dropout=0.3, seed=4), x(2, 3, 5),
     x(2, 4, 5), training=False)
case("regularized", lambda: L.MultiHeadAttention(
    2, 2, kernel_regularizer="l2", bias_regularizer="l1", activity_regularizer="l2"), x(2, 3, 4),
    x(2, 4, 4))
case("wider", lambda: L.MultiHeadAttention(4, 8), x(1, 7, 9), x(1, 5, 9))

case = cases_of("GroupQueryAttention")
case("query and value", lambda: L.GroupQueryAttention(3, 4, 2), x(2, 3, 5), x(2, 4, 5))
case("key", lambda: L.GroupQueryAttention(2, 2, 1), x(2, 3, 5), x(2, 4, 5), x(2, 4, 5))
case("as many heads", lambda: L.GroupQueryAttention(2, 3, 3), x(2, 3, 4), x(2, 4, 4))
case("no bias", lambda: L.GroupQueryAttention(2, 4, 1, use_bias=False), x(2, 3, 4), x(2, 4, 4))
case("scores", lambda: L.GroupQueryAttention(2, 4, 2), x(2, 3, 4), x(2, 4, 4),
     return_attention_scores=True)
case("causal", lambda: L.GroupQueryAttention(2, 4, 2), x(2, 4, 4), x(2, 4, 4), use_causal_mask=True)
case("attention mask", lambda: L.GroupQueryAttention(2, 2, 1), x(2, 3, 4), x(2, 4, 4),
     attention_mask=const(CROSS, "bool"))
case("masks given", lambda: L.GroupQueryAttention(2, 2, 1), x(2, 3, 4), x(2, 4, 4),
     query_mask=QUERY_MASK, value_mask=VALUE_MASK, engine="tensorflow", note=BLIND)
case("attached masks", lambda: L.GroupQueryAttention(2, 2, 2), x(2, 3, 4), x(2, 4, 4),
     masks=[QUERY_MASK, VALUE_MASK], engine="tensorflow", note=BLIND)
case("attached masks and scores", lambda: L.GroupQueryAttention(2, 2, 2), x(2, 3, 4), x(2, 4, 4),
     masks=[QUERY_MASK, VALUE_MASK], return_attention_scores=True, note=BLIND_ZERO)
case("masks and causal", lambda: L.GroupQueryAttention(2, 2, 1), x(2, 4, 4), x(2, 4, 4),
     x(2, 4, 4), query_mask=mask("1110 1111"), value_mask=mask("1110 1111"),
     key_mask=mask("1101 1111"), use_causal_mask=True, engine="tensorflow", note=BLIND)
case("query mask and scores", lambda: L.GroupQueryAttention(2, 2, 2), x(2, 3, 4), x(2, 4, 4),
     query_mask=QUERY_MASK, return_attention_scores=True, note=BLIND_ZERO)
case("sliding window", lambda: L.GroupQueryAttention(2, 2, 1, sliding_window=2), x(1, 6, 4),
     x(1, 6, 4))
case("gate", lambda: L.GroupQueryAttention(2, 4, 2, use_gate=True), x(2, 3, 4), x(2, 4, 4))
case("dropout at inference", lambda: L.GroupQueryAttention(2, 2, 1, dropout=0.3, seed=4),
     x(2, 3, 4), x(2, 4, 4), training=False)
