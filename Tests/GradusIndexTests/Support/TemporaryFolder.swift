import GradusTestSupport

/// Most files here write an index into a folder: they get it without a further import.
typealias TemporaryFolder = GradusTestSupport.TemporaryFolder

extension TemporaryFolder {
  /// Names and contents, the lock file left out: it holds a process number.
  static func contents(of folder: String) throws -> [String: [UInt8]] {
    var contents: [String: [UInt8]] = [:]
    for name in try names(in: folder) where name != "lock" { contents[name] = try read(folder + "/" + name) }
    return contents
  }
}
