//! Cells side by side, each wrapped within its own width.

/// One cell of a line of cells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell<'a> {
    text: &'a str,
    width: usize,
    right: bool,
}

impl<'a> Cell<'a> {
    /// Text at the left of its width.
    pub(super) const fn new(text: &'a str, width: usize) -> Self {
        Cell { text, width, right: false }
    }

    /// Text at the right of its width.
    pub(super) const fn right(text: &'a str, width: usize) -> Self {
        Cell { text, width, right: true }
    }

    /// Nothing.
    pub(super) const fn gap(width: usize) -> Self {
        Cell::new("", width)
    }
}

/// The lines that the cells take, one space between two cells.
pub(super) fn lines(cells: &[Cell<'_>]) -> Vec<String> {
    let wrapped: Vec<Vec<String>> = cells.iter().map(|cell| wrap(cell.text, cell.width)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let line = |row: usize| {
        let texts = cells.iter().zip(&wrapped).map(|(cell, wrapped)| {
            let text = wrapped.get(row).map_or("", String::as_str);
            let width = cell.width;
            if cell.right { format!("{text:>width$}") } else { format!("{text:<width$}") }
        });
        texts.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

/// Breaks at spaces, and within a word only where it is longer than a line.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word: Vec<char> = word.chars().collect();
        let used = line.chars().count();
        if used > 0 && used + 1 + word.len() > width {
            lines.push(std::mem::take(&mut line));
        } else if used > 0 {
            line.push(' ');
        }
        while word.len() > width {
            let rest = word.split_off(width);
            lines.push(word.into_iter().collect());
            word = rest;
        }
        line.extend(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_at_spaces_and_cuts_only_what_is_too_long() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("a abcdef", 4), ["a", "abcd", "ef"]);
        assert!(wrap("", 4).is_empty());
    }

    #[test]
    fn cells_stand_side_by_side() {
        let cells = [Cell::new("a b", 1), Cell::gap(2), Cell::right("7", 3), Cell::new("end", 5)];
        assert_eq!(lines(&cells), ["a      7 end", "b"]);
    }
}
