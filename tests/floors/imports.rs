//! What a Rust source names outside its own module, read from its text.
//!
//! Comments, strings and char literals are left out, the rest is cut into words and punctuation. A path counts wherever
//! it stands: in a `use` with its braces, in an expression, in a visibility. `self` and `super` are resolved by the
//! module they stand in, inline modules included. Not followed: what a macro expands to, and what is used by a name
//! that another `use` brought in, since that one has been counted.

/// A path that a source names.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) line: usize,
    /// As written, braces unfolded: `super::super::call::Request`.
    pub(super) written: String,
    /// From a crate's root, this crate's being `crate`: `crate::call::Request`, `h2::client`.
    pub(super) path: Vec<String>,
}

/// All paths in a source whose module is `module`: `["http2", "guard"]` for `src/http2/guard.rs`.
pub(super) fn imports(module: &[&str], source: &str) -> Vec<Import> {
    let module = module.iter().map(|&name| name.to_owned()).collect();
    let mut reader = Reader { words: words(source), module, blocks: Vec::new(), found: Vec::new() };
    reader.read();
    reader.found
}

struct Reader<'a> {
    words: Vec<Word<'a>>,
    module: Vec<String>,
    /// The blocks open at this point, with the name of an inline module.
    blocks: Vec<Option<&'a str>>,
    found: Vec<Import>,
}

impl<'a> Reader<'a> {
    fn read(&mut self) {
        let mut at = 0;
        while at < self.words.len() {
            at = match self.text(at) {
                "use" => self.tree(at + 1, &[]),
                "extern" if self.text(at + 1) == "crate" => self.tree(at + 2, &[]),
                "mod" if self.text(at + 2) == "{" => {
                    self.blocks.push(Some(self.text(at + 1)));
                    at + 3
                }
                "{" => {
                    self.blocks.push(None);
                    at + 1
                }
                "}" => {
                    self.blocks.pop();
                    at + 1
                }
                word if is_name(word) && self.text(at + 1) == "::" && !self.goes_on(at) => self.tree(at, &[]),
                _ => at + 1,
            };
        }
    }

    /// Whether a word belongs to what stands before it, as `new` and `iter` in `<T>::new().iter::<U>()`.
    fn goes_on(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| matches!(self.text(before), "::" | "."))
    }

    /// Reads a path, or a braced list of them below `prefix`, and gives the place after it.
    fn tree(&mut self, start: usize, prefix: &[&'a str]) -> usize {
        let mut path = prefix.to_vec();
        let mut at = start;
        while is_name(self.text(at)) || self.text(at) == "*" {
            path.push(self.text(at));
            at += 1;
            if self.text(at) != "::" || self.text(at + 1) == "<" {
                self.note(start, &path);
                return if self.text(at) == "as" { at + 2 } else { at };
            }
            at += 1;
        }
        if self.text(at) == "{" {
            at += 1;
            while !matches!(self.text(at), "}" | "") {
                at = self.tree(at, &path);
            }
        }
        at + 1
    }

    fn note(&mut self, at: usize, written: &[&str]) {
        let mut path = vec!["crate".to_owned()];
        match written[0] {
            "crate" => {}
            "self" | "super" => {
                path.extend_from_slice(&self.module);
                path.extend(self.blocks.iter().flatten().map(|&name| name.to_owned()));
            }
            _ => path.clear(),
        }
        for &step in written {
            match step {
                "crate" | "self" => {}
                "super" => drop(path.pop()),
                name => path.push(name.to_owned()),
            }
        }
        self.found.push(Import { line: self.words[at].line, written: written.join("::"), path });
    }

    /// The word at a place, empty past the end.
    fn text(&self, at: usize) -> &'a str {
        self.words.get(at).map_or("", |word| word.text)
    }
}

/// A name, a number, `::` within a path, or one character of punctuation.
struct Word<'a> {
    line: usize,
    text: &'a str,
}

fn words(source: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut rest, mut line, mut after_space) = (source, 1, true);
    while let Some(first) = rest.chars().next() {
        let blank = blank_len(rest);
        let len = match blank {
            Some(len) => len,
            None if is_name_char(first) => rest.find(|c| !is_name_char(c)).unwrap_or(rest.len()),
            None if rest.starts_with("::") => 2,
            None => first.len_utf8(),
        };
        let (text, tail) = rest.split_at(len);
        // `::name` after a space begins a path: it says no more than `name` does.
        if blank.is_none() && !(after_space && text == "::") {
            words.push(Word { line, text });
        }
        after_space = blank.is_some() || matches!(text, "(" | "[" | "{" | "<" | "&" | "!");
        line += text.matches('\n').count();
        rest = tail;
    }
    words
}

/// The length of white space, a comment, a literal or a lifetime, if the text begins with one.
fn blank_len(text: &str) -> Option<usize> {
    let mut chars = text.chars();
    match chars.next()? {
        space if space.is_whitespace() => Some(space.len_utf8()),
        '/' if text.starts_with("//") => Some(text.find('\n').unwrap_or(text.len())),
        '/' if text.starts_with("/*") => Some(block_comment_len(text)),
        '"' => Some(quoted_len(text, '"')),
        '\'' if chars.next() == Some('\\') || chars.next() == Some('\'') => Some(quoted_len(text, '\'')),
        '\'' => Some(1 + text[1..].find(|c| !is_name_char(c)).unwrap_or(text.len() - 1)),
        'r' | 'b' | 'c' => raw_string_len(text),
        _ => None,
    }
}

/// Block comments nest.
fn block_comment_len(text: &str) -> usize {
    let (mut at, mut open) = (0, 0);
    while at < text.len() {
        let pair = text.as_bytes().get(at..at + 2);
        at += match pair {
            Some(b"/*" | b"*/") => 2,
            _ => 1,
        };
        match pair {
            Some(b"/*") => open += 1,
            Some(b"*/") => open -= 1,
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
    at
}

fn quoted_len(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|&(_, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// `r"..."`, `br#"..."#`; not `r#name`, nor a name that only begins so.
fn raw_string_len(text: &str) -> Option<usize> {
    let body =
        text.strip_prefix("r").or_else(|| text.strip_prefix("br")).or_else(|| text.strip_prefix("cr"))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let end = format!("\"{}", "#".repeat(hashes));
    let quoted = body[hashes..].strip_prefix('"')?;
    Some(text.len() - quoted.len() + quoted.find(&end).map_or(quoted.len(), |at| at + end.len()))
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| is_name_char(c) && !c.is_ascii_digit())
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
