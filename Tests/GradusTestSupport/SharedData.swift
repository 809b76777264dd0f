#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The real collections that lie beside a developer's checkout and are never copied into the repository.
public enum SharedData {
  /// `$GRADUS_TEST_DATA`, else `../shared/data` beside the package; nil where neither exists.
  public static let folder: String? = {
    var candidates: [String] = []
    if let path = getenv("GRADUS_TEST_DATA") { candidates.append(String(cString: path)) }
    let package = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    candidates.append(package + "/../shared/data")
    return candidates.first { access($0 + "/README.md", R_OK) == 0 }
  }()

  public static func path(_ relative: String) -> String? { folder.map { $0 + "/" + relative } }

  /// For `.enabled(if:)`; the comment to give with it.
  public static var isAvailable: Bool { folder != nil }
  public static let skipNotice = "needs the test collections: set GRADUS_TEST_DATA to the folder that holds them"
}
