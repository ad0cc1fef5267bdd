//! Colours, where they are wanted: on a terminal, unless NO_COLOR is set.

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// Colours for a writer; `is_terminal` tells whether it is one. See <https://no-color.org>.
    pub(crate) fn for_output(is_terminal: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Paint { on: is_terminal && !unwanted }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// What is equal over both transports.
    pub(super) fn equal(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// What is not.
    pub(super) fn differs(self, text: &str) -> String {
        self.wrap("33", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
