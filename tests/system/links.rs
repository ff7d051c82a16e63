//! Links between our own pages lead somewhere: a file that is moved takes what names it along.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Folders that are not ours, or that are made.
const NOT_OURS: [&str; 4] = ["target", ".git", ".dev", "node_modules"];

/// All pages below a folder.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_ours = !NOT_OURS.iter().any(|name| path.ends_with(name));
        if path.is_dir() && is_ours {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

/// What the links of a text name, without what leads out of the repository.
fn targets(text: &str) -> Vec<&str> {
    let all = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    all.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// A heading as a link names it: in small letters, with hyphens for spaces, and without signs.
fn anchor(heading: &str) -> String {
    let letters = heading.trim_start_matches('#').trim().to_lowercase();
    letters
        .chars()
        .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// What is wrong with a link; `None` where it leads somewhere.
fn fault(page: &Path, target: &str) -> Option<String> {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let named = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    if !named.exists() {
        return Some(format!("{}: there is no {file}", page.display()));
    }
    let text = if heading.is_empty() { String::new() } else { fs::read_to_string(&named).unwrap() };
    let is_there =
        heading.is_empty() || text.lines().any(|line| line.starts_with('#') && anchor(line) == heading);
    (!is_there).then(|| format!("{}: {file} has no heading {heading:?}", page.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut links, mut faults) = (0, Vec::new());
    for page in pages(root) {
        let text = fs::read_to_string(&page).unwrap();
        links += targets(&text).len();
        faults.extend(targets(&text).into_iter().filter_map(|target| fault(&page, target)));
    }
    assert!(links > 100, "only {links} links were found");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn a_link_to_nothing_is_found() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = "[a](dev), [b](https://other.example/c.md) [c](gone.md) [d](README.md#speed) [e](#gone)";
    let found: Vec<_> = targets(text).into_iter().filter_map(|target| fault(&page, target)).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("gone.md") && found[1].contains("\"gone\""), "{found:?}");
}
