//! Rows of a matrix that is too large to be kept: the last ones used are, the others are computed again.

use crate::error::Result;

/// As many rows as fit into so many bytes, and at least two.
#[derive(Debug)]
pub struct RowCache {
    slots: Vec<Slot>,
    most: usize,
    width: usize,
    /// Where each row of the matrix is, if it is there.
    places: Vec<Option<usize>>,
    /// Counts the uses.
    clock: u64,
}

#[derive(Debug)]
struct Slot {
    row: usize,
    used: u64,
    values: Vec<f64>,
}

impl RowCache {
    /// Of a square matrix.
    pub fn new(width: usize, bytes: usize) -> Self {
        Self {
            slots: Vec::new(),
            most: (bytes / size_of::<f64>() / width.max(1)).max(2),
            width,
            places: vec![None; width],
            clock: 0,
        }
    }

    /// The place of a row, which `compute` fills where it is not kept. The row used last keeps its place.
    pub fn place(
        &mut self,
        row: usize,
        compute: impl FnOnce(&mut [f64]) -> Result<()>,
    ) -> Result<usize> {
        self.clock += 1;
        let place = match self.places[row] {
            Some(place) => place,
            None => {
                let place = self.vacant(row);
                compute(&mut self.slots[place].values)?;
                self.places[row] = Some(place);
                place
            }
        };
        self.slots[place].used = self.clock;
        Ok(place)
    }

    pub fn at(&self, place: usize) -> &[f64] {
        &self.slots[place].values
    }

    /// A place for a row: a new one, or that of the row that was not used for longest. To look for it
    /// takes less than to compute a row.
    fn vacant(&mut self, row: usize) -> usize {
        let oldest = match self.slots.len() < self.most {
            true => None,
            false => (0..self.slots.len()).min_by_key(|place| self.slots[*place].used),
        };
        match oldest {
            Some(place) => {
                let before = std::mem::replace(&mut self.slots[place].row, row);
                self.places[before] = None;
                place
            }
            None => {
                self.slots.push(Slot {
                    row,
                    used: 0,
                    values: vec![0.0; self.width],
                });
                self.slots.len() - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_used_last_are_kept() {
        let mut cache = RowCache::new(4, 3 * 4 * 8);
        let mut computed = Vec::new();
        for row in [0, 1, 2, 0, 3, 0, 1, 2] {
            let place = cache.place(row, |values| {
                computed.push(row);
                values.fill(row as f64);
                Ok(())
            });
            assert_eq!(cache.at(place.unwrap()), [row as f64; 4]);
        }
        // 3 takes the place of 1, which takes that of 2, which takes that of 3.
        assert_eq!(computed, [0, 1, 2, 3, 1, 2]);
    }

    #[test]
    fn two_rows_are_kept_in_any_case() {
        let mut cache = RowCache::new(4, 0);
        let first = cache.place(0, |values| {
            values.fill(7.0);
            Ok(())
        });
        let (first, second) = (first.unwrap(), cache.place(1, |_| Ok(())).unwrap());
        assert_ne!(first, second);
        assert_eq!(cache.at(first), [7.0; 4]);
    }
}
