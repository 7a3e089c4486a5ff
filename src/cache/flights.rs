//! One load at a time for each key, whoever asks for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Key;

/// What a flight has brought, once it has. Whoever holds the lock leads.
type Seat<T> = tokio::sync::Mutex<Option<T>>;

/// The loads under way. Bounded by the readers there are: the last one to leave takes the key along.
pub(super) struct Flights<T>(Mutex<HashMap<Key, Arc<Seat<T>>>>);

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Flights<T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Seat<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the flight for `key`, or begins one.
    pub(super) fn board(&self, key: &Key) -> Ticket<'_, T> {
        let seat = Arc::clone(self.lock().entry(key.clone()).or_default());
        Ticket {
            flights: self,
            key: key.clone(),
            seat,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }
}

/// A place in a flight.
pub(super) struct Ticket<'f, T> {
    flights: &'f Flights<T>,
    key: Key,
    seat: Arc<Seat<T>>,
}

impl<T> Ticket<'_, T> {
    /// Waits until nobody else leads. What is there then was brought by a leader; nothing means
    /// that he was cut off and this reader leads. First come, first served.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, Option<T>> {
        self.seat.lock().await
    }

    /// The result is there for those who wait; whoever comes now begins anew.
    pub(super) fn land(&self) {
        let mut all = self.flights.lock();
        if all.get(&self.key).is_some_and(|seat| self.is(seat)) {
            all.remove(&self.key);
        }
    }

    fn is(&self, seat: &Arc<Seat<T>>) -> bool {
        Arc::ptr_eq(seat, &self.seat)
    }
}

impl<T> Drop for Ticket<'_, T> {
    fn drop(&mut self) {
        let mut all = self.flights.lock();
        // The map's share and this one: nobody else is on board, and under the lock nobody boards.
        let is_last = Arc::strong_count(&self.seat) == 2;
        if is_last && all.get(&self.key).is_some_and(|seat| self.is(seat)) {
            all.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flight_is_forgotten_with_its_last_reader_or_when_it_has_landed() {
        let flights = Flights::<u32>::default();
        let key = Key::new("test", 1, &["a"]);
        let (first, second) = (flights.board(&key), flights.board(&key));
        let other = flights.board(&Key::new("test", 1, &["b"]));
        assert_eq!(flights.len(), 2);
        drop(first);
        assert_eq!(flights.len(), 2);
        drop(second);
        drop(other);
        assert_eq!(flights.len(), 0);

        let (first, second) = (flights.board(&key), flights.board(&key));
        *first.turn().await = Some(7);
        first.land();
        assert_eq!(flights.len(), 0);
        let third = flights.board(&key);
        assert_eq!(*second.turn().await, Some(7));
        assert_eq!(*third.turn().await, None, "who comes later begins anew");
        drop((first, second));
        assert_eq!(flights.len(), 1, "an old flight takes no new one along");
    }
}
