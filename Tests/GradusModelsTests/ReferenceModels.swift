import GradusModels
import GradusTestSupport

/// Pretrained models, where `gradus models pull` or the environment has put them.
enum ReferenceModels {
  static let notice = "needs a pretrained model: run 'gradus models pull minilm-l6 splade-tiny'"

  static func folder(_ name: String) -> ModelFolder? {
    InstalledModels.folder(name, with: ModelFolder.weightsName).map { ModelFolder(path: $0) }
  }
}
