return {
  add = "Add", average = "Average", concatenate = "Concatenate", dot = "Dot",
  extremum = "Maximum Minimum", multiply = "Multiply", subtract = "Subtract",
}
