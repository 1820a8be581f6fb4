//! Tickets made by hand, each with its numbers worked out in words.

mod desk;
mod odd;
mod policies;
mod resolutions;
mod threads;
mod traps;
