"""Networks: encoders by input type, a combiner, a body, a head; built from a layout and a target."""
