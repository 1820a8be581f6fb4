//! The `mava-export` command.

fn main() {}
