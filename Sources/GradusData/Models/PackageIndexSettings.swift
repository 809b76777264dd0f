#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Where Python packages come from on this machine, read as pip reads it, without pip.
///
/// The index is `GRADUS_PYPI_INDEX`, else `PIP_INDEX_URL`, else `index-url` under `[global]` in the configuration files
/// (`$PIP_CONFIG_FILE`, the user's, the machine's: the first that has it), else the public index. Folders of wheels come
/// from `PIP_FIND_LINKS` and from `find-links` of the first file that has it; addresses among them are left to pip.
///
///     PackageIndexSettings.current.indexURL   // "https://pypi.org/simple"
public struct PackageIndexSettings: Sendable, Equatable {
  /// Base of the simple index, without a slash at its end.
  public let indexURL: String
  /// Local folders that are looked into before the index is asked.
  public let wheelFolders: [String]

  public static let publicIndex = "https://pypi.org/simple"

  public init(indexURL: String = publicIndex, wheelFolders: [String] = []) {
    self.indexURL = String(indexURL.reversed().drop { $0 == "/" }.reversed())
    self.wheelFolders = wheelFolders
  }

  /// - Parameter readFile: Text of a configuration file, nil where there is none.
  public init(environment: [String: String], readFile: (String) -> String?) {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let home = value("HOME") ?? ""
    let configuration = [
      value("PIP_CONFIG_FILE"), (value("XDG_CONFIG_HOME") ?? home + "/.config") + "/pip/pip.conf", home + "/.pip/pip.conf",
      "/etc/pip.conf",
    ].compactMap { $0 }.compactMap(readFile).map(Self.globalSettings)
    let index = value("GRADUS_PYPI_INDEX") ?? value("PIP_INDEX_URL") ?? configuration.lazy.compactMap { $0["index-url"] }.first
    let links = value("PIP_FIND_LINKS") ?? configuration.lazy.compactMap { $0["find-links"] }.first ?? ""
    let folders = links.split(whereSeparator: \.isWhitespace).map(String.init).compactMap { link -> String? in
      if link.hasPrefix("file://") { return String(link.dropFirst(7)) }
      return link.contains("://") ? nil : link
    }
    self.init(indexURL: index ?? Self.publicIndex, wheelFolders: folders)
  }

  public static var current: PackageIndexSettings {
    PackageIndexSettings(environment: ProcessInfo.processInfo.environment) { path in
      (try? WholeFile.bytes(path)).map { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// Keys and values of the `[global]` section; a value goes on over indented lines.
  static func globalSettings(_ text: String) -> [String: String] {
    var settings: [String: String] = [:]
    var isGlobal = false
    var key: String?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let trimmed = line.trimmed
      if trimmed.isEmpty || trimmed.hasPrefix("#") || trimmed.hasPrefix(";") { continue }
      if line.first!.isWhitespace {
        if isGlobal, let key { settings[key, default: ""] += "\n" + trimmed }
      } else if trimmed.hasPrefix("[") {
        isGlobal = trimmed == "[global]"
        key = nil
      } else if isGlobal, let separator = trimmed.firstIndex(where: { $0 == "=" || $0 == ":" }) {
        let name = String(trimmed[..<separator]).trimmed.replacing("_", with: "-")
        settings[name] = String(trimmed[trimmed.index(after: separator)...]).trimmed
        key = name
      }
    }
    return settings
  }
}

extension StringProtocol {
  /// Without white space at both ends.
  var trimmed: String {
    var rest = self[...]
    while let first = rest.first, first.isWhitespace { rest = rest.dropFirst() }
    while let last = rest.last, last.isWhitespace { rest = rest.dropLast() }
    return String(rest)
  }
}
