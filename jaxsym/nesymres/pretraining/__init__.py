"""What pretraining needs: examples made on the device, the objective, the named runs."""
