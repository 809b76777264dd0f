/// A folder of packages that somebody fetched: `.deb` files, and folders that packages were unpacked to.
///
/// For machines without apt or without a network. A `.deb` is named as apt names it (`perl-doc_5.36.0-7_all.deb`); a folder
/// has the package's name, with the version after an underscore where it is known (`perl-doc` or `perl-doc_5.36.0-7`).
struct PackageFolder {
  let path: String

  /// The newest package whose name the pattern matches; nil where there is none.
  func find(_ pattern: String) -> PackageFiles? {
    var found: [PackageFiles] = []
    for name in FileStatus.names(in: path) {
      let full = path + "/" + name
      let isFolder = FileStatus.isFolder(full)
      guard isFolder || name.hasSuffix(".deb") else { continue }
      let parts = (isFolder ? name : String(name.dropLast(4))).split(separator: "_").map(String.init)
      guard let package = parts.first, ShellPattern.matches(package, anyOf: [pattern]) else { continue }
      let version = parts.count > 1 ? parts[1].replacing("%3a", with: ":") : "unknown"
      found.append(PackageFiles(package: package, version: version, location: isFolder ? .folder(full) : .archive(full)))
    }
    return found.max { DebianVersion.precedes(($0.package, $0.version), ($1.package, $1.version)) }
  }
}

/// Order of packages whose names differ in a number, such as `python3.9-doc` and `python3.11-doc`.
enum DebianVersion {
  static func precedes(_ first: (String, String), _ second: (String, String)) -> Bool {
    first.0 == second.0 ? naturallyPrecedes(first.1, second.1) : naturallyPrecedes(first.0, second.0)
  }

  /// Runs of digits compare as numbers, everything else by bytes.
  static func naturallyPrecedes(_ first: String, _ second: String) -> Bool {
    let left = pieces(of: first)
    let right = pieces(of: second)
    for (one, other) in zip(left, right) where one != other {
      if let a = Int(one), let b = Int(other), a != b { return a < b }
      return one.utf8.lexicographicallyPrecedes(other.utf8)
    }
    return left.count < right.count
  }

  private static func pieces(of text: String) -> [String] {
    var result: [String] = []
    for character in text {
      let isDigit = character.isASCII && character.isNumber
      if let last = result.last, last.last!.isNumber == isDigit {
        result[result.count - 1].append(character)
      } else {
        result.append(String(character))
      }
    }
    return result
  }
}
