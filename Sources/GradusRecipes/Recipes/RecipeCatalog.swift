#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore

/// Recipes by the slug of their system.
///
///     let recipe = try RecipeCatalog(folder: "Recipes").recipe("curricula")
public struct RecipeCatalog: Sendable {
  public let folder: String

  public init(folder: String) { self.folder = folder }

  /// `$GRADUS_RECIPES`, or `Recipes` in the working folder.
  public static var current: RecipeCatalog {
    let named = ProcessInfo.processInfo.environment["GRADUS_RECIPES"].flatMap { $0.isEmpty ? nil : $0 }
    return RecipeCatalog(folder: named ?? "Recipes")
  }

  /// Slugs of the folders that hold a recipe, by name.
  public var slugs: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
      FileManager.default.fileExists(atPath: path($0))
    }.sorted()
  }

  public func path(_ slug: String) -> String { "\(folder)/\(slug)/recipe.yaml" }

  /// - Throws: ``RecipeCatalogError``, ``RecipeError``.
  public func recipe(_ slug: String) throws -> Recipe {
    let known = slugs
    guard known.contains(slug) else {
      throw RecipeCatalogError(folder: folder, slug: slug, known: known)
    }
    return try Recipe(path: path(slug))
  }
}

/// A system without a recipe.
public struct RecipeCatalogError: GradusError, Equatable {
  public let folder: String
  public let slug: String
  public let known: [String]

  public var failureKind: FailureKind { .missingInput }

  public var description: String {
    guard !known.isEmpty else {
      return "\(folder): holds no recipes; run in the folder of the toolkit, or set GRADUS_RECIPES to its Recipes folder"
    }
    let nearest = Spelling.nearest(to: slug, among: known).map { "; did you mean '\($0)'?" } ?? ""
    return "\(folder): no recipe '\(slug)'\(nearest) There is \(known.joined(separator: ", "))"
  }
}
