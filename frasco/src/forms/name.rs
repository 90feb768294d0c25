//! [`secure_filename`]: a name for a file that a client named.

/// Makes a name of a client's that a folder of one's own can have: letters, digits, `.`, `_` and `-`, no path, no dot at its
/// beginning, none of the names that Windows keeps for itself. As Flask's; letters beyond ASCII are left out. Empty if nothing is left.
///
/// # Examples
///
/// ```
/// use frasco::secure_filename;
///
/// assert_eq!(secure_filename("My cool movie.mov"), "My_cool_movie.mov");
/// assert_eq!(secure_filename("../../../etc/passwd"), "etc_passwd");
/// assert_eq!(secure_filename("C:\\boot.ini"), "C_boot.ini");
/// assert_eq!(secure_filename("..."), "");
/// ```
#[must_use]
pub fn secure_filename(name: &str) -> String {
    let words = name.split(|it: char| it == '/' || it == '\\' || it == ':' || it.is_whitespace());
    let clean = |word: &str| -> String {
        word.chars().filter(|it| it.is_ascii_alphanumeric() || matches!(it, '.' | '_' | '-')).collect()
    };
    let words: Vec<String> = words.map(clean).filter(|word| !word.trim_matches('.').is_empty()).collect();
    let joined = words.join("_");
    let name = joined.trim_matches(['.', '_']);
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    if DEVICES.contains(&stem.as_str()) { format!("_{name}") } else { name.to_owned() }
}

/// What Windows has instead of files.
const DEVICES: [&str; 22] = [
    "CON", "PRN", "AUX", "NUL", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9",
    "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",
];
