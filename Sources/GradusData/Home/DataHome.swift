#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore

/// Where collections, models and downloads lie on this machine.
///
/// Collections are looked for in `$GRADUS_DATA` (folders separated by `:`), then in `$GRADUS_HOME/data`. What the
/// toolkit fetches or builds goes under `$GRADUS_HOME`, which defaults to `$HOME/.cache/gradus`.
///
///     let home = DataHome.current
///     home.collectionFolders   // ["/srv/collections", "/home/ann/.cache/gradus/data"]
public struct DataHome: Sendable, Equatable {
  /// The folder that the toolkit writes to.
  public let folder: String
  /// Folders that hold collections, in the order in which they are searched.
  public let collectionFolders: [String]

  /// - Parameters:
  ///   - folder: The toolkit's own folder; it need not exist yet.
  ///   - collectionFolders: Folders searched before `folder/data`.
  public init(folder: String, collectionFolders: [String] = []) {
    self.folder = folder
    self.collectionFolders = collectionFolders + [folder + "/data"]
  }

  /// Reads `GRADUS_HOME`, `GRADUS_DATA` and `HOME`; an empty variable counts as absent.
  public init(environment: [String: String]) {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let home = value("GRADUS_HOME") ?? (value("HOME") ?? ".") + "/.cache/gradus"
    let listed = value("GRADUS_DATA")?.split(separator: ":").map(String.init) ?? []
    self.init(folder: home, collectionFolders: listed)
  }

  /// As this process's environment says.
  public static var current: DataHome { DataHome(environment: ProcessInfo.processInfo.environment) }

  /// Where built, imported and pulled collections go.
  public var ownCollections: String { folder + "/data" }
  /// Where pulled models go, one folder each.
  public var models: String { folder + "/models" }
  /// Downloads that can be fetched again: safe to delete.
  public var cache: String { folder + "/cache" }
}
