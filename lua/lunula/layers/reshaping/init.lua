return {
  flatten = "Flatten", permute = "Permute", repeat_vector = "RepeatVector", reshape = "Reshape",
}
