//! The nights of one desk, and the stores that follow it.

use std::time::Instant as Moment;

use super::asked::Asked;
use super::desk::Desk;
use super::follower::Follower;
use super::lookback::History;
use super::outcome::Outcome;

/// What each amount came to, in the order in which they were asked for, and what happened.
pub(crate) fn measure(asked: &Asked, seed: u64) -> (Vec<Outcome>, History) {
    let began = Moment::now();
    let mut desk = Desk::open(asked.size, seed);
    println!(
        "Seed {seed}: {} tickets copied after {:.0} s\n",
        desk.tickets(),
        began.elapsed().as_secs_f64()
    );
    let names: Vec<String> = asked.amounts.iter().map(ToString::to_string).collect();
    let stores = desk.stores(&names);
    let amounts = asked.amounts.iter().zip(stores);
    let mut followers: Vec<Follower> = amounts
        .map(|(amount, store)| Follower::new(*amount, asked.nights, store))
        .collect();
    let mut history = History::default();
    let mut evolving_seconds = 0.0;
    for night in 1..=asked.nights {
        let moment = Moment::now();
        let changes = desk.evolve(night);
        evolving_seconds += moment.elapsed().as_secs_f64();
        for follower in &mut followers {
            follower.night(night, &desk, &changes);
        }
        history.add(&desk, changes);
    }
    let outcomes = followers.into_iter().map(Follower::into_outcome);
    let (outcomes, seconds): (Vec<_>, Vec<f64>) = outcomes.unzip();
    println!("\n{evolving_seconds:.1} s of evolving");
    for (name, seconds) in names.iter().zip(seconds) {
        println!("{seconds:.1} s of syncing, {name}");
    }
    println!();
    (outcomes, history)
}
