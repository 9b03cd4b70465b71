"""What a user gives a trained model, as the data set that it was trained on."""
