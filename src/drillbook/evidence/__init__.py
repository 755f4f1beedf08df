"""From samples and journals to figures, a verdict and a record that can be checked again."""
