// The one place that includes PostgreSQL's headers. Standard C++ headers that Postgres's macros would
// disturb must come first, so they are included here.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
}

// libintl.h (through c.h) replaces these by macros, which breaks C++ standard headers included later.
#undef snprintf
#undef vsnprintf
#undef printf
#undef fprintf
#undef sprintf
#undef vprintf
#undef vfprintf
#undef vsprintf
#undef strerror
#undef gettext
#undef dgettext
#undef ngettext
#undef dngettext

#include "pg/compat.hpp"
