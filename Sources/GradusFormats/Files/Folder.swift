#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// Folders, with errors that carry the system's reason.
public enum Folder {
  /// Makes the folder and those above it; fine where it is there already.
  public static func create(_ path: String) throws(FileError) {
    var partial = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      partial += partial.isEmpty || partial == "/" ? String(part) : "/" + part
      if mkdir(partial, 0o777) != 0 {
        let code = errno
        var status = stat()
        guard code == EEXIST || stat(partial, &status) == 0, isFolder(partial) else {
          throw FileError(.create, path: partial, code: code == EEXIST ? ENOTDIR : code)
        }
      }
    }
  }

  /// Whether a folder (or a link to one) stands at `path`.
  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
