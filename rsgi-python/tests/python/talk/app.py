from flask import Blueprint, Flask

ping_bp = Blueprint('ping', __name__)

@ping_bp.get('/ping')
def ping():
    return 'pong'

def create_app():
    app = Flask(__name__)
    app.register_blueprint(ping_bp)
    return app
