// How an error's hint names an option: as an argument of an SQL function, or of a program's command line. The
// same readers serve both, and a user can only do what is said in the words of what was called.
#pragma once

#include <string>

namespace vecstore::core {

enum class OptionStyle {
    sql,           // member => '...'
    command_line,  // --member=...
};

// Of the whole process, and SQL where nobody says otherwise.
inline OptionStyle option_style = OptionStyle::sql;

// name: as in SQL. value: "true" for a switch, else what stands for the value.
inline std::string option_text(const std::string& name, const std::string& value) {
    if (option_style == OptionStyle::sql)
        return (name == "column" ? "\"column\"" : name) + " => " +
               (value == "true" ? value : "'" + value + "'");
    std::string text = "--" + name;
    for (char& c : text)
        if (c == '_') c = '-';
    return value == "true" ? text : text + "=" + value;
}

}  // namespace vecstore::core
