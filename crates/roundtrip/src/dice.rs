//! Choices made from a number.

/// A source of choices. Equal seeds make equal choices.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// The dice of a seed.
    pub fn new(seed: u64) -> Dice {
        Dice { state: seed }
    }

    /// Dice of their own for one part, so that a choice there does not shift the choices elsewhere.
    #[must_use]
    pub fn part(&self, name: &str) -> Dice {
        let mut dice = Dice { state: self.state };
        for byte in name.bytes() {
            dice.state = dice.state.wrapping_add(u64::from(byte));
            dice.next();
        }
        dice
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `sides`, or 0.
    pub fn roll(&mut self, sides: u32) -> u32 {
        let sides = u64::from(sides.max(1));
        u32::try_from(self.next() % sides).unwrap_or_default()
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: u32, most: u32) -> u32 {
        least + self.roll(most.saturating_sub(least) + 1)
    }

    /// True once in `sides` times.
    pub fn one_in(&mut self, sides: u32) -> bool {
        self.roll(sides) == 0
    }

    /// `Some` once in two times.
    pub fn maybe<T>(&mut self, make: impl FnOnce(&mut Dice) -> T) -> Option<T> {
        if self.one_in(2) { Some(make(self)) } else { None }
    }

    /// One of these.
    pub fn choose<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let sides = u32::try_from(from.len()).unwrap_or(u32::MAX);
        from.get(usize::try_from(self.roll(sides)).unwrap_or_default()).copied()
    }

    /// One of these texts.
    pub fn word(&mut self, from: &[&'static str]) -> &'static str {
        self.choose(from).unwrap_or_default()
    }

    /// Some of these, in their order; at least `least`.
    pub fn some<T: Clone>(&mut self, from: &[T], least: usize) -> Vec<T> {
        let mut left = least.min(from.len());
        let mut out = Vec::new();
        for (n, item) in from.iter().enumerate() {
            let needed = left >= from.len() - n;
            if needed || self.one_in(2) {
                left = left.saturating_sub(1);
                out.push(item.clone());
            }
        }
        out
    }
}
