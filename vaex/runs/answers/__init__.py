"""What a trained run answers: the questions of images or rows, samples, and how well log p(x) is known."""
