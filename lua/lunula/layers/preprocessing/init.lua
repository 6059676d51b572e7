return {
  category_encoding = "CategoryEncoding", discretization = "Discretization",
  hashed_crossing = "HashedCrossing", hashing = "Hashing", integer_lookup = "IntegerLookup",
  normalization = "Normalization", rescaling = "Rescaling", string_lookup = "StringLookup",
  text_vectorization = "TextVectorization",
}
