//! One line of "what the socket replaces": what TCP does, what the socket does, how it was tried, what came of it.
//!
//! A claim is never weakened to fit: a part of it that did not hold makes the row `differs`, and what cannot be
//! tried or told from noise is `not here` with the reason.

use std::fmt;

/// A row of the table, with the figures of this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The short name that `--rows` takes.
    pub(crate) name: &'static str,
    /// The running number, from 1.
    pub(crate) row: u8,
    /// What TCP does.
    pub(crate) tcp: String,
    /// What the Unix socket does.
    pub(crate) unix: String,
    /// How this run tried it.
    pub(crate) experiment: String,
    /// What came of it.
    pub(crate) verdict: Verdict,
}

/// What an experiment says about its claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every part of the claim held in this run.
    Proved,
    /// This kernel does otherwise, and how.
    Differs(String),
    /// The experiment cannot be made here, or its figure does not stand out from the noise, and why.
    NotHere(String),
}

impl Verdict {
    /// Weighs a claim by its parts, each with what to say where it does not hold; the first that fails decides.
    pub(crate) fn of(parts: &[(bool, &str)]) -> Self {
        match parts.iter().find(|(held, _)| !held) {
            None => Self::Proved,
            Some((_, otherwise)) => Self::Differs((*otherwise).to_owned()),
        }
    }

    /// The word of the table and of the JSON document.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Differs(_) => "differs",
            Self::NotHere(_) => "not here",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proved => f.write_str(self.word()),
            Self::Differs(detail) | Self::NotHere(detail) => write!(f, "{}: {detail}", self.word()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_that_fails_decides() {
        assert_eq!(Verdict::of(&[(true, "a"), (true, "b")]), Verdict::Proved);
        assert_eq!(Verdict::of(&[(true, "a"), (false, "b"), (false, "c")]), Verdict::Differs("b".to_owned()));
    }

    #[test]
    fn reads_as_word_and_detail() {
        assert_eq!(Verdict::Proved.to_string(), "proved");
        assert_eq!(Verdict::NotHere("too noisy".into()).to_string(), "not here: too noisy");
        assert_eq!(Verdict::Differs("EPIPE".into()).to_string(), "differs: EPIPE");
    }
}
