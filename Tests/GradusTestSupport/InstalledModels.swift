import Foundation

/// Models that `gradus models pull` has installed. Tests that want a real one are skipped where it is missing.
public enum InstalledModels {
  /// A model's folder in `$GRADUS_HOME`, else in `~/.cache/gradus`; nil where one of these files is missing.
  public static func folder(_ name: String, with files: String...) -> String? {
    let environment = ProcessInfo.processInfo.environment
    let home = environment["GRADUS_HOME"] ?? (environment["HOME"] ?? "") + "/.cache/gradus"
    let folder = home + "/models/" + name
    return files.allSatisfy { FileManager.default.fileExists(atPath: folder + "/" + $0) } ? folder : nil
  }
}
