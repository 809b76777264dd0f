import GradusCore
