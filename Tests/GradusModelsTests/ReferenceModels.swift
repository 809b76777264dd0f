import Foundation
import GradusModels

/// Pretrained models, where `gradus models pull` or the environment has put them.
enum ReferenceModels {
  static let notice = "needs a pretrained model: run 'gradus models pull minilm-l6 splade-tiny'"

  static func folder(_ name: String) -> ModelFolder? {
    let environment = ProcessInfo.processInfo.environment
    let home = environment["GRADUS_HOME"] ?? (environment["HOME"] ?? "") + "/.cache/gradus"
    let path = home + "/models/" + name
    return FileManager.default.fileExists(atPath: path + "/" + ModelFolder.weightsName) ? ModelFolder(path: path) : nil
  }
}
