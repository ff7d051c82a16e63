//! The files of a crate as a graph: which takes something from which. It is read from the text, as people read it:
//! `use` trees, and paths that begin with `crate`, `super`, `self`, a module below, or what a `use` has named.
//!
//! - A path leads to the file that defines what it names: through re-exports, of a `mod.rs` or of the crate's root, to
//!   where they come from. So a re-export is no import, and hides none.
//! - What a `mod.rs` takes from the files of its own folder does not count: a folder is one module told in several
//!   files, and a child may build on what its parent says. Siblings may not build on each other in a circle, nor
//!   modules. Of the root, which names everything, nothing may be taken: there its children do count.
//! - Test modules within a file are left out: what they call `super` is the file itself.

use std::collections::{BTreeMap, BTreeSet};

/// Where a module stands: `["payment", "store"]`; the root is `[]`.
pub type Module = Vec<String>;

/// A `use`, leaf by leaf: the path, and what it is called from then on.
type Leaf = (Vec<String>, String);

/// The text of one file.
struct File {
    /// Its path, for people.
    name: String,
    /// What it calls by another module's path, for itself and, where it is published, for others.
    names: BTreeMap<String, Module>,
    /// Which of these others may use.
    published: BTreeSet<String>,
    /// Every path in it that leads into the crate.
    paths: Vec<Module>,
}

/// The files of one crate.
pub struct Files(BTreeMap<Module, File>);

impl Files {
    /// Reads the sources of a crate: path below its `src`, and text.
    pub fn read<'a>(sources: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let sources: Vec<_> = sources.map(|(name, text)| (module(name), name, code(text))).collect();
        let has_library = sources.iter().any(|(_, name, _)| *name == "lib.rs");
        let sources = sources.into_iter().filter(|(_, name, _)| !(has_library && *name == "main.rs"));
        let mut files: BTreeMap<Module, File> = BTreeMap::new();
        let all: Vec<_> = sources.collect();
        let modules: BTreeSet<Module> = all.iter().map(|(module, ..)| module.clone()).collect();
        for (module, name, text) in &all {
            files.insert(module.clone(), File::read(module, name, text, &modules));
        }
        Self(files)
    }

    /// All modules at the top.
    pub fn top(&self) -> BTreeSet<&str> {
        self.0.keys().filter_map(|module| module.first()).map(String::as_str).collect()
    }

    /// Which file takes something from which, as (module, what it takes, from which).
    pub fn imports(&self) -> BTreeSet<(&Module, &Module)> {
        let mut found = BTreeSet::new();
        for (module, file) in &self.0 {
            for path in &file.paths {
                let from = self.defined_in(path, 0);
                let is_own_folder = !module.is_empty() && from.starts_with(module);
                if from != module && !is_own_folder {
                    found.insert((module, from));
                }
            }
        }
        found
    }

    /// The file where what a path names is defined.
    fn defined_in(&self, path: &[String], depth: u8) -> &Module {
        let known = (0..=path.len()).rev().find_map(|length| self.0.get_key_value(&path[..length]));
        let (module, file) = known.expect("the root is a file");
        let rest = &path[module.len()..];
        match rest.first().filter(|name| file.published.contains(*name) && depth < 8) {
            Some(name) => {
                let target: Module = file.names[name].iter().chain(&rest[1..]).cloned().collect();
                self.defined_in(&target, depth + 1)
            }
            None => module,
        }
    }

    /// A circle of files that import each other, if there is one.
    pub fn circle(&self) -> Option<Vec<&str>> {
        let mut after: BTreeMap<&Module, Vec<&Module>> = BTreeMap::new();
        for (module, from) in self.imports() {
            after.entry(module).or_default().push(from);
        }
        let mut done = BTreeSet::new();
        let circle = self.0.keys().find_map(|module| walk(module, &after, &mut Vec::new(), &mut done))?;
        Some(circle.into_iter().map(|module| self.0[module].name.as_str()).collect())
    }
}

/// Follows the imports of a file; the circle that it comes to, if it comes to one.
fn walk<'a>(
    module: &'a Module,
    after: &BTreeMap<&'a Module, Vec<&'a Module>>,
    way: &mut Vec<&'a Module>,
    done: &mut BTreeSet<&'a Module>,
) -> Option<Vec<&'a Module>> {
    if let Some(start) = way.iter().position(|earlier| *earlier == module) {
        return Some(way[start..].iter().copied().chain([module]).collect());
    }
    if done.contains(module) {
        return None;
    }
    way.push(module);
    let circle = after.get(module).into_iter().flatten().find_map(|next| walk(next, after, way, done));
    way.pop();
    done.insert(module);
    circle
}

impl File {
    fn read(module: &Module, name: &str, text: &str, modules: &BTreeSet<Module>) -> Self {
        let mut file = Self {
            name: name.to_owned(),
            names: BTreeMap::new(),
            published: BTreeSet::new(),
            paths: Vec::new(),
        };
        let (uses, rest) = split_uses(text);
        for (is_published, tree) in uses {
            let mut leaves = Vec::new();
            expand(&[], &tree, &mut leaves);
            for (path, called) in leaves {
                let Some(path) = file.absolute(module, &path, modules) else { continue };
                if is_published {
                    file.published.insert(called.clone());
                }
                // A module alone is no import: what is taken from it is.
                if !modules.contains(&path) {
                    file.paths.push(path.clone());
                }
                file.names.insert(called, path);
            }
        }
        for path in paths(&rest) {
            file.paths.extend(file.absolute(module, &path, modules).filter(|path| !modules.contains(path)));
        }
        file
    }

    /// A path from the crate's root; `None` where it leads out of the crate.
    fn absolute(&self, module: &Module, path: &[String], modules: &BTreeSet<Module>) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let child: Module = module.iter().chain([first]).cloned().collect();
        let from = match first.as_str() {
            "crate" => Module::new(),
            "self" => module.clone(),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let from = &module[..module.len().checked_sub(ups)?];
                return Some(from.iter().chain(&path[ups..]).cloned().collect());
            }
            name => match self.names.get(name) {
                Some(named) => named.clone(),
                None if modules.contains(&child) => child,
                None => return None,
            },
        };
        Some(from.iter().chain(rest).cloned().collect())
    }
}

/// `payment/store/mod.rs` is `payment::store`.
fn module(name: &str) -> Module {
    let path = name.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if matches!(path, "lib" | "main") { Module::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// The text without comments, and without the tests in it.
fn code(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().map(|line| line.split("//").next().unwrap_or_default()).peekable();
    while let Some(line) = lines.next() {
        let is_test = line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.ends_with('{'));
        if is_test {
            lines.by_ref().find(|line| *line == "}");
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// The trees of all `use`s, each with whether it is published, and the rest of the text.
fn split_uses(text: &str) -> (Vec<(bool, String)>, String) {
    let (mut uses, mut rest) = (Vec::new(), String::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let words: Vec<_> = line.split_whitespace().take(2).collect();
        let is_published = line.trim_start().starts_with("pub");
        if !matches!(words.as_slice(), ["use", _] | ["pub" | "pub(crate)" | "pub(super)", "use"]) {
            rest.push_str(line);
            rest.push('\n');
            continue;
        }
        let mut statement = line.to_owned();
        while !statement.contains(';') {
            let Some(line) = lines.next() else { break };
            statement.push_str(line);
        }
        let tree = statement.split_once("use ").map_or("", |(_, tree)| tree);
        uses.push((is_published, tree.trim_end_matches(';').to_owned()));
    }
    (uses, rest)
}

/// The leaves of a `use` tree below `prefix`.
fn expand(prefix: &[String], tree: &str, leaves: &mut Vec<Leaf>) {
    let tree = tree.trim();
    let (head, branches) = match tree.split_once('{') {
        Some((head, branches)) => (head, branches.rsplit_once('}').map(|(branches, _)| branches)),
        None => (tree, None),
    };
    let (head, called) =
        head.split_once(" as ").map_or((head, None), |(head, name)| (head, Some(name.trim())));
    let parts = head.split("::").map(str::trim).filter(|part| !part.is_empty());
    let mut path: Vec<String> = prefix.iter().cloned().chain(parts.map(str::to_owned)).collect();
    let Some(branches) = branches else {
        path.pop_if(|last| last == "self" && !prefix.is_empty());
        // What a glob names is not known: it is an import of the module.
        let called = called.map(str::to_owned).or_else(|| path.last().cloned()).unwrap_or_default();
        return leaves.push((path, called));
    };
    let (mut depth, mut start) = (0, 0);
    for (place, letter) in branches.char_indices().chain([(branches.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let branch = &branches[start..place];
                if !branch.trim().is_empty() {
                    expand(&path, branch, leaves);
                }
                start = place + 1;
            }
            _ => {}
        }
    }
}

/// All paths of at least two parts.
fn paths(text: &str) -> Vec<Vec<String>> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    text.split(|letter| !is_part(letter))
        .filter(|word| word.contains("::"))
        .map(|word| word.split("::").map(|part| part.trim_matches(':').to_owned()).collect::<Vec<_>>())
        .map(|parts| parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>())
        .filter(|parts| parts.len() > 1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle(files: &[(&str, &str)]) -> Option<String> {
        Files::read(files.iter().copied()).circle().map(|circle| circle.join(" → "))
    }

    const ROOT: (&str, &str) = ("lib.rs", "pub mod a;\npub mod b;\nuse a::start;\n");

    #[test]
    fn a_circle_is_found_however_it_is_written() {
        let a = ("a.rs", "pub fn start() {\n    crate::b::go();\n}\n");
        assert_eq!(circle(&[ROOT, a, ("b.rs", "pub fn go() {}\n")]), None);
        for back in [
            "use crate::a::start;\n",
            "use crate::{\n    a::{self, start as begin},\n};\n",
            "use super::a;\nfn back() {\n    a::start();\n}\n",
            "fn back() {\n    super::a::start();\n}\n",
        ] {
            assert_eq!(circle(&[ROOT, a, ("b.rs", back)]).as_deref(), Some("a.rs → b.rs → a.rs"), "{back}");
        }
        let tests = "#[cfg(test)]\nmod tests {\n    use crate::a::start;\n}\n";
        assert_eq!(circle(&[ROOT, a, ("b.rs", tests)]), None);
    }

    #[test]
    fn a_reexport_leads_to_what_it_names() {
        let folder = ("a/mod.rs", "mod one;\nmod two;\npub use one::One;\nfn all() {\n    two::two();\n}\n");
        let one = ("a/one.rs", "pub struct One;\n");
        assert_eq!(circle(&[ROOT, folder, one, ("a/two.rs", "use super::One;\n")]), None);
        let one = ("a/one.rs", "pub struct One;\nfn back() {\n    super::two::two();\n}\n");
        let found = circle(&[ROOT, folder, one, ("a/two.rs", "use super::One;\n")]);
        assert_eq!(found.as_deref(), Some("a/one.rs → a/two.rs → a/one.rs"));
    }

    #[test]
    fn of_the_root_nothing_is_taken() {
        let a = ("a.rs", "use crate::Everything;\n");
        let root = ("lib.rs", "mod a;\nstruct Everything;\nfn run() {\n    a::start();\n}\n");
        assert_eq!(circle(&[root, a]).as_deref(), Some("lib.rs → a.rs → lib.rs"));
    }
}
