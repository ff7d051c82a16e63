//! Everything may die, hang or say nothing. What was accepted reaches its end, once; and what one does stops no other.

mod connections;
mod crashes;
mod payments;
mod reads;
mod refunds;
mod renewals;
