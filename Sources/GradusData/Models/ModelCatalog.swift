#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats

/// A model folder on this machine.
public struct InstalledModel: Sendable, Equatable {
  /// The catalogue's name, or the folder's own where it was given by path.
  public let name: String
  public let folder: String
  /// Path of the weights: `.safetensors`, `.gguf` or a PyTorch file; of shards their index.
  public let weights: String
}

/// Models by name: which there are, where they lie, how to get them.
///
///     let catalog = ModelCatalog()
///     try catalog.pull("splade-tiny")
///     try catalog.locate("splade-tiny").weights   // ".../models/splade-tiny/model.safetensors"
///
/// A model is a folder in the layout of Hugging Face (`config.json`, `tokenizer.json`, `model.safetensors` or one of the other
/// layouts of weights), so a path to any such folder is as good as a name.
public struct ModelCatalog: Sendable {
  public let home: DataHome
  public let packages: [ModelPackage]

  public init(home: DataHome = .current, packages: [ModelPackage] = ModelPackage.known) {
    self.home = home
    self.packages = packages
  }

  /// What the catalogue knows of one model.
  public struct Entry: Sendable, Equatable {
    public let package: ModelPackage
    /// Nil until it is pulled.
    public let installed: InstalledModel?
  }

  /// All known models, in the catalogue's order.
  public var entries: [Entry] { packages.map { Entry(package: $0, installed: installation(of: $0)) } }

  /// The package behind a name.
  public func package(named name: String) throws -> ModelPackage {
    guard let package = packages.first(where: { $0.name == name }) else {
      throw ModelCatalogError.unknownName(name, known: packages.map(\.name))
    }
    return package
  }

  /// Finds a model by name, or takes a path to a model folder (whatever holds a `/` or begins with a dot).
  ///
  /// Sizes are compared with those recorded when the model was unpacked; ``verify(_:)`` reads the bytes.
  ///
  /// - Throws: ``ModelCatalogError/notInstalled(name:folder:)``, ``ModelCatalogError/unknownName(_:known:)``,
  ///   ``ModelCatalogError/notAModelFolder(path:)``.
  public func locate(_ nameOrPath: String) throws -> InstalledModel {
    if let package = packages.first(where: { $0.name == nameOrPath }) {
      guard let installed = installation(of: package) else {
        throw ModelCatalogError.notInstalled(name: package.name, folder: home.models)
      }
      return installed
    }
    guard nameOrPath.contains("/") || nameOrPath.hasPrefix(".") || FileStatus.isFolder(nameOrPath) else {
      throw ModelCatalogError.unknownName(nameOrPath, known: packages.map(\.name))
    }
    guard let weights = Self.weights(in: nameOrPath) else { throw ModelCatalogError.notAModelFolder(path: nameOrPath) }
    return InstalledModel(name: nameOrPath.lastComponent, folder: nameOrPath, weights: nameOrPath + "/" + weights)
  }

  /// Reads the weights of an installed model and compares their hash with the catalogue's.
  public func verify(_ name: String) throws {
    let package = try package(named: name)
    let installed = try locate(name)
    let found = try WholeFile.sha256(installed.weights)
    guard found == package.weightsSHA256 else {
      throw ModelCatalogError.weightsMismatch(file: installed.weights, expected: package.weightsSHA256, found: found)
    }
  }

  func folder(of package: ModelPackage) -> String { home.models + "/" + package.name }

  /// The model where it is complete: its record is there and every file has the recorded size.
  func installation(of package: ModelPackage) -> InstalledModel? {
    let folder = folder(of: package)
    guard let bytes = try? WholeFile.bytes(folder + "/" + ModelRecord.filename),
      let record = try? JSONDecoder().decode(ModelRecord.self, from: Data(bytes)),
      record.package == package.package, record.version == package.version, record.weightsSHA256 == package.weightsSHA256,
      record.files.allSatisfy({ FileStatus.size(folder + "/" + $0.path) == $0.bytes })
    else { return nil }
    return InstalledModel(name: package.name, folder: folder, weights: folder + "/" + package.weights)
  }

  /// The weights of a folder that the catalogue did not make.
  private static func weights(in folder: String) -> String? {
    let names = FileStatus.names(in: folder)
    if names.contains("config.json") {
      for single in ["model.safetensors", "pytorch_model.bin"] {
        for name in [single, single + ShardIndex.suffix] where names.contains(name) { return name }
      }
    }
    return names.first { $0.hasSuffix(".gguf") } ?? names.first { $0.hasSuffix(".pth") || $0 == "pytorch_model.bin" }
  }
}

/// `source.json` beside a model: where it came from, and what belongs to it.
struct ModelRecord: Codable, Equatable {
  struct File: Codable, Equatable {
    let path: String
    let bytes: Int
    let sha256: String
  }

  static let filename = "source.json"

  let name: String
  let package: String
  let version: String
  let licence: String
  /// The archive that the files were unpacked from.
  let archive: String
  let archiveSHA256: String
  let weights: String
  let weightsSHA256: String
  let files: [File]
}
