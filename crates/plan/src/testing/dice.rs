//! Choices made from bytes.

/// The traits of a random stack. A missing gene is 0, and 0 is always the plainest choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Genes(pub Vec<u8>);

impl Genes {
    /// How many genes [`stack`](super::stack) reads.
    pub const COUNT: usize = 40;

    /// The choice of a gene among `choices`.
    pub fn pick(&self, gene: usize, choices: u8) -> u8 {
        self.0.get(gene).copied().unwrap_or_default() % choices.max(1)
    }

    /// The same with some genes changed: `(gene, value)`.
    #[must_use]
    pub fn mutate(&self, mutations: &[(u8, u8)]) -> Genes {
        let mut genes = self.0.clone();
        genes.resize(genes.len().max(Genes::COUNT), 0);
        for (gene, value) in mutations {
            if let Some(slot) = genes.get_mut(usize::from(*gene) % Genes::COUNT) {
                *slot = *value;
            }
        }
        Genes(genes)
    }
}

/// A source of choices that has an end: then it always says 0.
#[derive(Clone, Debug, Default)]
pub struct Dice {
    bytes: Vec<u8>,
    at: usize,
}

impl Dice {
    /// Dice that fall as these bytes say.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Dice {
        Dice { bytes: bytes.into(), at: 0 }
    }

    /// A number below `sides`, or 0.
    pub fn roll(&mut self, sides: usize) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        if sides == 0 { 0 } else { usize::from(byte) % sides }
    }

    /// One of these, if there are any.
    pub fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.roll(from.len()))
    }

    /// True if all bytes are used up.
    pub fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }
}
