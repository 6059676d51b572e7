return { add = "Add", concatenate = "Concatenate" }
