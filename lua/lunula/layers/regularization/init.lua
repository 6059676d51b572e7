return { activity_regularization = "ActivityRegularization", dropout = "Dropout" }
