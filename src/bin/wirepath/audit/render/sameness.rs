//! Section 4: what the socket leaves alone.

use wirepath::tap::Direction;

use super::Page;
use crate::audit::capture::CALLS;
use crate::audit::sameness::{Comparison, Likeness};

impl Page {
    /// What it leaves alone.
    pub(super) fn sameness(&mut self, comparisons: &[Comparison]) {
        self.heading(
            "4  WHAT IT LEAVES ALONE",
            &format!("{CALLS} calls of each shape, compared byte for byte"),
        );
        self.prose(
            "A client names the server it dialled in :authority, so there the transports must differ: each header \
             block is decoded, the bytes of that one field are set aside, and every other byte is compared. Then \
             TCP is given the socket's :authority, and nothing is set aside. (Where the acknowledgement of SETTINGS \
             falls is a matter of time: captures that differ by it are taken again.)",
        );
        self.line("");
        let title = format!(
            "{:<10}{:<18}{:>7}{:>7}   {:<26}{:<26}",
            "method", "direction", "unix", "tcp", "each its own :authority", "the same :authority"
        );
        self.dim(&title);
        for one in comparisons {
            self.comparison(one);
        }
        let note = |likeness: &Likeness, text: &'static str| {
            let occurs = |one: &Comparison| one.own_authority == *likeness || one.same_authority == *likeness;
            comparisons.iter().any(occurs).then_some(text)
        };
        let notes = [note(&Likeness::Interleaved, INTERLEAVED), note(&Likeness::Cut, CUT)];
        for text in notes.into_iter().flatten() {
            self.prose(text);
        }
    }

    fn comparison(&mut self, one: &Comparison) {
        // The server never sends :authority, so setting it aside changes nothing there.
        let method = if one.direction == Direction::ClientToServer { one.shape.method() } else { "" };
        let direction = one.direction.to_string();
        let likeness = |likeness: &Likeness| {
            let text = format!("{:<26}", likeness.to_string());
            if likeness.holds() { self.paint.equal(&text) } else { self.paint.differs(&text) }
        };
        let line = format!(
            "{method:<10}{direction:<18}{:>7}{:>7}   {}{}",
            one.unix,
            one.tcp,
            likeness(&one.own_authority),
            likeness(&one.same_authority)
        );
        self.line(&line);
    }
}

const INTERLEAVED: &str = "\"equal by stream\": the frames of each stream are equal and in order; how those of \
    different streams follow one another (where the acknowledgement of SETTINGS falls) is a matter of time, and \
    differed in each of several takes.";

const CUT: &str = "\"DATA cut apart\": the bytes of each stream are equal; messages that are ready together share a \
    DATA frame, and which are is a matter of time.";
