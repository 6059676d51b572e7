return {
  additive_attention = "AdditiveAttention", attention = "Attention",
  group_query_attention = "GroupQueryAttention", multi_head_attention = "MultiHeadAttention",
}
