//! Desks that a sync reads in full, night after night. `make soak` follows larger ones.

use crate::nights::Nights;

#[tokio::test]
async fn a_small_desk_is_equal_after_each_of_thirty_nights() {
    let nights = Nights {
        seed: 5,
        tickets: 500,
        days: 300,
        nights: 30,
    };
    assert!(nights.follow().await >= 25);
}

#[tokio::test]
async fn a_desk_of_four_years_is_equal_whatever_the_age_of_what_changed() {
    let nights = Nights {
        seed: 6,
        tickets: 2_500,
        days: 1_400,
        nights: 8,
    };
    assert!(nights.follow().await >= 8);
}
