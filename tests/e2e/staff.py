"""People with roles, made the way an operator makes them."""
import json
import secrets

from api import Person


def staff(stack, role):
    """Somebody of posternctl user create with this role, logged in."""
    someone = Person(stack.api)
    stack.ctl("user", "create", "--email", someone.email, "--username",
              someone.username, "--role", role, "--password-stdin",
              input=someone.password + "\n")
    return someone.login()


def custom_role(boss, *permissions):
    """A new role that gives these permissions; its record."""
    made = boss.api.post("/roles", {
        "name": "r" + secrets.token_hex(5), "permissions": permissions})
    assert made.status == 201, made
    return made.data


def limited(stack, boss, *permissions):
    """Somebody who holds these permissions and nothing else."""
    someone = stack.api.new_person()
    given = boss.api.post(f"/admin/users/{someone.id}/roles",
                          {"role": custom_role(boss, *permissions)["name"]})
    assert given.status == 200, given
    return someone


def show(value):
    return json.dumps(value, indent=1)
