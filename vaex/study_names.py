"""What each study shows, by its name: beside them, so that the command line lists them before anything heavy loads."""

STUDY_NAMES = {
    "snr": "the gradients' signal-to-noise ratio against K",
}
