"""What the runner of the client suite is made of."""
